-- Takes back what begin.lua counted.
--
-- KEYS  as in begin.lua
-- ARGV  'in' when the password was right: then the account's failures are forgotten
local function back(key)
  if redis.call('EXISTS', key) == 0 then return end
  if redis.call('HINCRBY', key, 'failed', -1) <= 0 then
    redis.call('DEL', key)
  else
    redis.call('HDEL', key, 'from')
  end
end

for i = 1, #KEYS do
  if i == 1 and ARGV[1] == 'in' then
    redis.call('DEL', KEYS[i])
  else
    back(KEYS[i])
  end
end
return 0
