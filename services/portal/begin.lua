-- Lets a sign-in begin, and counts it as failed until it is known not to be: so
-- many at once are counted like as many one after the other.
--
-- KEYS  the account's counter; and if there is an address: its counter, who signed in
--       from there and whether the account did (see end.lua), and the account's counter
--       for the case that it did
-- ARGV  how long a count is kept after its last failure, ms
--       for the account and for the address: how many failures are free, after how many
--       more the delay doubles, the longest delay, ms
--       1 when the address may be a proxy's, and so everybody's: an account that signed in
--       from there is then not counted by it
-- Returns for how many ms nobody may try, or 0; 1 when somebody signed in from the address
-- lately, else 0; and 1 when the account did, which is then counted there, else 0.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local counters, known, acquainted = {KEYS[1], KEYS[2]}, 0, 0
if KEYS[2] then
  known, acquainted = redis.call('EXISTS', KEYS[3]), redis.call('EXISTS', KEYS[4])
  if acquainted == 1 then counters[1] = KEYS[5] end
  if acquainted == 1 and ARGV[8] == '1' then counters[2] = nil end
end

local wait = 0
for _, counter in ipairs(counters) do
  local from = tonumber(redis.call('HGET', counter, 'from') or 0)
  wait = math.max(wait, from - now)
end
if wait > 0 then return {wait, known, acquainted} end

for i, counter in ipairs(counters) do
  local free, double, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local over = redis.call('HINCRBY', counter, 'failed', 1) - free
  local delay = 0
  if over > 0 then
    delay = math.min(most, 1000 * 2 ^ math.min(30, math.floor((over - 1) / double)))
    redis.call('HSET', counter, 'from', string.format('%.0f', now + delay))
  end
  redis.call('PEXPIRE', counter, string.format('%.0f', ARGV[1] + delay))
end
return {0, known, acquainted}
