#!lua flags=allow-oom
-- Remembers that a store has been set up for this catalog.
-- KEYS  1 anchor
-- ARGV  1 store
-- One that is remembered and comes without a marker is not mounted; nobody sets it up again unasked.
-- REPLY noted
-- Idempotent.
redis.call('HSET', CONTROL, 'store:' .. ARGV[1], 1)
return { 'noted' }
