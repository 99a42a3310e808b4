-- Replaces states and the checkpoint, if the checkpoint is the one the caller started from.
--
-- KEYS  checkpoint, key…
-- ARGV  stream, seq, digest, repair of the checkpoint started from ('' four times: none)
--       the same of the new one; repair is never changed here
--       for each key: the number of values that follow, then its fields and values; the number is negative when the
--       hash keeps its other fields
-- Returns OK, also when the new checkpoint is already there: the client repeats a call whose reply was lost. Otherwise FENCED, and nothing was written.
local found = redis.call('HMGET', KEYS[1], 'stream', 'seq', 'digest', 'repair')
local function is(from)
  for i = 1, 4 do
    if (found[i] or '') ~= ARGV[from + i - 1] then return false end
  end
  return true
end

if is(5) then return 'OK' end
if not is(1) then return 'FENCED' end

local at = 9
for i = 2, #KEYS do
  local values = tonumber(ARGV[at])
  if values < 0 then
    values = -values
  else
    redis.call('DEL', KEYS[i])
  end
  redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + values))
  at = at + 1 + values
end
redis.call('HSET', KEYS[1], 'stream', ARGV[5], 'seq', ARGV[6], 'digest', ARGV[7])
return 'OK'
