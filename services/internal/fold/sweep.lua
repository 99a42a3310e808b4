-- Removes states of a partition that has no checkpoint: its owner folds it from
-- the beginning and reads none of them.
--
-- KEYS  checkpoint, key…
-- Returns OK. Otherwise FENCED: there is a checkpoint, and nothing was removed.
if redis.call('EXISTS', KEYS[1]) == 1 then return 'FENCED' end
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
end
return 'OK'
