#!lua flags=allow-oom
-- Tells the figures whether a store is held: whether the sweeper deletes nothing there until an operator releases it.
-- KEYS  1 anchor
-- ARGV  1 store  2 held ('1', '0')  3 how long this is told (ms)
-- The truth is the store's marker; this is its picture, renewed at each sweep. A store that nobody sweeps any more, or
-- whose marker cannot be read, has none after a while.
-- REPLY reported
redis.call('HSET', STATS, 'held:' .. ARGV[1], ARGV[2], 'held_until:' .. ARGV[1], NOW + ARGV[3])
return { 'reported' }
