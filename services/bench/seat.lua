-- Gives a device a seat if there is one.
--
-- KEYS  hash of the extension: license, limit, used, device:<id>…
-- ARGV  device id, what to keep of it
-- Returns {'refused'}, {'recognized'}, {'activated', license, used, limit} or
-- {'full', license, used, limit, device id, kept, …}
local have = redis.call('HMGET', KEYS[1], 'license', 'limit', 'used', 'device:' .. ARGV[1])
if not have[1] then return {'refused'} end
if have[4] then return {'recognized'} end
local used = tonumber(have[3] or '0')
if used < tonumber(have[2]) then
  redis.call('HSET', KEYS[1], 'device:' .. ARGV[1], ARGV[2], 'used', used + 1)
  return {'activated', have[1], tostring(used + 1), have[2]}
end
local said = {'full', have[1], have[3], have[2]}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 7) == 'device:' then
    said[#said + 1] = string.sub(all[i], 8)
    said[#said + 1] = all[i + 1]
  end
end
return said
