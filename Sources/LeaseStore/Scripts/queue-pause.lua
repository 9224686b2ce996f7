#!lua flags=allow-oom
-- Stops or restarts the claiming of tasks, fleet-wide. Running imports go on.
-- KEYS  1 anchor
-- ARGV  1 '1' to pause, '0' to resume
-- REPLY paused | resumed
if ARGV[1] == '1' then
    redis.call('HSET', CONTROL, 'paused', 1)
    return { 'paused' }
end
redis.call('HDEL', CONTROL, 'paused')
for _ = 1, 64 do redis.call('LPUSH', WAKE, 1) end
redis.call('LTRIM', WAKE, 0, 63)
return { 'resumed' }
