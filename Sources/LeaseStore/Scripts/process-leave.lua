#!lua flags=allow-oom
-- Forgets a process that has ended.
-- KEYS  1 anchor
-- ARGV  1 process  2 host key
-- REPLY left
redis.call('DEL', TAG .. 'worker:' .. ARGV[1])
redis.call('ZREM', TAG .. 'processes', ARGV[1])
redis.call('SREM', TAG .. 'host:' .. ARGV[2], ARGV[1])
return { 'left' }
