-- Replaces or removes states, if the checkpoint is still the one they were compared at, and marks it as repaired: an owner
-- that loaded the states earlier then finds a checkpoint that is not its own.
--
-- KEYS  checkpoint, key…
-- ARGV  stream, seq, digest, repair of the checkpoint compared at
--       the name of this repair
--       for each key: the number of values that follow, then its fields and values; 0 removes the key
-- Returns OK, also when this repair is already there: the client repeats a call whose reply was lost. Otherwise FENCED, and nothing was written.
local found = redis.call('HMGET', KEYS[1], 'stream', 'seq', 'digest', 'repair')
if found[4] == ARGV[5] then return 'OK' end
for i = 1, 4 do
  if (found[i] or '') ~= ARGV[i] then return 'FENCED' end
end

local at = 6
for i = 2, #KEYS do
  local values = tonumber(ARGV[at])
  redis.call('DEL', KEYS[i])
  if values > 0 then
    redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + values))
  end
  at = at + 1 + values
end
redis.call('HSET', KEYS[1], 'repair', ARGV[5])
return 'OK'
