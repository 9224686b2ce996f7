#!lua flags=allow-oom
-- Tells the figures whether a store is held: whether the sweeper deletes nothing there until an operator releases it.
-- KEYS  1 anchor
-- ARGV  1 store  2 held ('1', '0')
-- The truth is the store's marker; this is its picture, renewed at each sweep.
-- REPLY reported
redis.call('HSET', STATS, 'held:' .. ARGV[1], ARGV[2])
return { 'reported' }
