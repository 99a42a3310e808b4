-- Removes the checkpoint, if it is still the given one.
--
-- KEYS  checkpoint
-- ARGV  stream, seq, digest, repair
local found = redis.call('HMGET', KEYS[1], 'stream', 'seq', 'digest', 'repair')
for i = 1, 4 do
  if (found[i] or '') ~= ARGV[i] then return 'FENCED' end
end
redis.call('DEL', KEYS[1])
return 'OK'
