-- Takes one from each of several allowances, or from none.
--
-- KEYS  the allowances, in one slot of a cluster: each is when it will be whole again, Unix ms
-- ARGV  'take', or 'look', which only says whether it could
--       for each: how many it holds, and after how many ms it has one more again
-- Returns for how many ms there is none, or 0. The way of counting is the generic cell rate
-- algorithm (ITU-T I.371).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local wait, whole = 0, {}
for i, key in ipairs(KEYS) do
  local holds, every = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  whole[i] = math.max(now, tonumber(redis.call('GET', key) or 0)) + every
  wait = math.max(wait, whole[i] - now - holds * every)
end
if wait > 0 or ARGV[1] == 'look' then return wait end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', whole[i]), 'PX', string.format('%.0f', whole[i] - now))
end
return 0
