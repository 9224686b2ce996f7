#!lua flags=allow-oom
-- Lets one process of the fleet do what has to be done only now and then: an audit, a sweep.
-- KEYS  1 anchor
-- ARGV  1 what  2 interval (ms)
-- REPLY begin | not-due
local field = 'turn:' .. ARGV[1]
local last = redis.call('HGET', CONTROL, field)
if last and tonumber(last) <= NOW and age(last) < tonumber(ARGV[2]) then return { 'not-due' } end
redis.call('HSET', CONTROL, field, NOW)
return { 'begin' }
