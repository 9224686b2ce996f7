#!lua flags=allow-oom
-- Tells the fleet that a process runs; said again every now and then.
-- KEYS  1 anchor
-- ARGV  1 process  2 time to live (ms)  3 host key  4… field and value, in pairs
-- REPLY registered now processes
local id, ttl = ARGV[1], tonumber(ARGV[2])
local key, all, host = TAG .. 'worker:' .. id, TAG .. 'processes', TAG .. 'host:' .. ARGV[3]
redis.call('HSET', key, 'seen_at', NOW, unpack(ARGV, 4))
redis.call('PEXPIRE', key, ttl)
redis.call('ZADD', all, NOW, id)
redis.call('ZREMRANGEBYSCORE', all, '-inf', NOW - ttl)
redis.call('SADD', host, id)
redis.call('PEXPIRE', host, 86400000)
return { 'registered', NOW, redis.call('ZCARD', all) }
