-- Removes the checkpoint of a partition, if it is still the given one, and states. All at once: the next term must find
-- none of them.
--
-- KEYS  checkpoint, key…
-- ARGV  stream, seq, digest, repair; all empty: there is no checkpoint
-- Returns OK. Otherwise FENCED, and nothing was removed.
local found = redis.call('HMGET', KEYS[1], 'stream', 'seq', 'digest', 'repair')
for i = 1, 4 do
  if (found[i] or '') ~= ARGV[i] then return 'FENCED' end
end
for i = 1, #KEYS do
  redis.call('DEL', KEYS[i])
end
return 'OK'
