-- Takes back what begin.lua counted.
--
-- KEYS  as in begin.lua
-- ARGV  'in' when the password was right: then the account's failures are forgotten,
--       and the address is known
--       how long it is, ms
local function back(key)
  if redis.call('EXISTS', key) == 0 then return end
  if redis.call('HINCRBY', key, 'failed', -1) <= 0 then
    redis.call('DEL', key)
  else
    redis.call('HDEL', key, 'from')
  end
end

for i = 1, math.min(2, #KEYS) do
  if i == 1 and ARGV[1] == 'in' then
    redis.call('DEL', KEYS[i])
  else
    back(KEYS[i])
  end
end
if KEYS[3] and ARGV[1] == 'in' then
  redis.call('SET', KEYS[3], '', 'PX', ARGV[2])
end
return 0
