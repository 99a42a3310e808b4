-- Counts a sign-in as failed until it is known not to be, as a portal does that lets nobody guess passwords.
--
-- KEYS  the counters of the account and of the address, where it is kept that somebody signed in from there, and that
--       this account did
-- ARGV  'begin', or 'end' when the password was right
-- Returns for how many ms nobody may try.
if ARGV[1] == 'end' then
  redis.call('DEL', KEYS[1])
  if redis.call('HINCRBY', KEYS[2], 'failed', -1) <= 0 then redis.call('DEL', KEYS[2]) end
  redis.call('SET', KEYS[3], '', 'PX', 2592000000)
  redis.call('SET', KEYS[4], '', 'PX', 2592000000)
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, 2 do
  local wait = tonumber(redis.call('HGET', KEYS[i], 'from') or 0) - now
  if wait > 0 then return wait end
end
for i = 1, 2 do
  local over = redis.call('HINCRBY', KEYS[i], 'failed', 1) - 100
  if over > 0 then redis.call('HSET', KEYS[i], 'from', now + 1000 * over) end
  redis.call('PEXPIRE', KEYS[i], 3600000)
end
return 0
