#!lua flags=allow-oom
-- Forgets finished tasks whose time of retention is over.
-- KEYS  1 anchor
-- ARGV  1 at most
-- REPLY expired count
local retention = tonumber(redis.call('HGET', CONTROL, 'retention_ms') or 172800000)
local removed = 0
touch(DONE)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DONE, '-inf', NOW - retention, 'LIMIT', 0, ARGV[1])) do
    local task = redis.call('HMGET', task_key(id), 'expires_at', 'image')
    if not task[1] or tonumber(task[1]) <= NOW then
        touch(task_key(id), history_key(id))
        redis.call('DEL', task_key(id), history_key(id))
        redis.call('ZREM', DONE, id)
        if task[2] then redis.call('ZREM', image_tasks_key(task[2]), id) end
        removed = removed + 1
    end
end
return { 'expired', removed }
