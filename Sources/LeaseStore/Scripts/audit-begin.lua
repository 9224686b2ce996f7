#!lua flags=allow-oom
-- Lets one process of the fleet begin an audit, if the last one began long enough ago.
-- KEYS  1 anchor
-- ARGV  1 interval (ms)
-- REPLY begin | not-due
local last = redis.call('HGET', CONTROL, 'audited_at')
if last and age(last) < tonumber(ARGV[1]) and tonumber(last) <= NOW then return { 'not-due' } end
redis.call('HSET', CONTROL, 'audited_at', NOW)
return { 'begin' }
