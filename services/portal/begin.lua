-- Lets a sign-in begin, and counts it as failed until it is known not to be: so
-- many at once are counted like as many one after the other.
--
-- KEYS  what is counted: the account, and the address if there is one; then also who
--       signed in from there, see end.lua
-- ARGV  how long a count is kept after its last failure, ms
--       for each key: how many failures are free, after how many more the delay
--       doubles, the longest delay, ms
-- Returns for how many ms nobody may try, or 0; and 1 when somebody signed in from the
-- address lately, else 0.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local counted = math.min(2, #KEYS)
local known = 0
if KEYS[3] then known = redis.call('EXISTS', KEYS[3]) end

local wait = 0
for i = 1, counted do
  local from = tonumber(redis.call('HGET', KEYS[i], 'from') or 0)
  wait = math.max(wait, from - now)
end
if wait > 0 then return {wait, known} end

for i = 1, counted do
  local free, double, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local over = redis.call('HINCRBY', KEYS[i], 'failed', 1) - free
  local delay = 0
  if over > 0 then
    delay = math.min(most, 1000 * 2 ^ math.min(30, math.floor((over - 1) / double)))
    redis.call('HSET', KEYS[i], 'from', string.format('%.0f', now + delay))
  end
  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', ARGV[1] + delay))
end
return {0, known}
