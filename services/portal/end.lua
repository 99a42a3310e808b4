-- Takes back what begin.lua counted.
--
-- KEYS  as in begin.lua, the first being the counter that counted for the account
-- ARGV  'in' when the password was right: then the failures in that counter are
--       forgotten, and who signed in from the address is kept
--       how long it is, ms
--       1 when the address was not counted
local function back(counter)
  if redis.call('EXISTS', counter) == 0 then return end
  if redis.call('HINCRBY', counter, 'failed', -1) <= 0 then
    redis.call('DEL', counter)
  else
    redis.call('HDEL', counter, 'from')
  end
end

if ARGV[1] == 'in' then redis.call('DEL', KEYS[1]) else back(KEYS[1]) end
if not KEYS[2] then return 0 end
if ARGV[3] ~= '1' then back(KEYS[2]) end
if ARGV[1] == 'in' then
  redis.call('SET', KEYS[3], '', 'PX', ARGV[2])
  redis.call('SET', KEYS[4], '', 'PX', ARGV[2])
end
return 0
