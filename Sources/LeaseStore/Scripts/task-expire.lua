#!lua flags=allow-oom
-- Forgets finished tasks whose time of retention is over.
-- KEYS  1 anchor
-- ARGV  1 at most
-- REPLY expired count
local retention = tonumber(redis.call('HGET', CONTROL, 'retention_ms') or 172800000)
local over = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DONE, '-inf', NOW - retention, 'LIMIT', 0, ARGV[1])) do
    local task = redis.call('HMGET', task_key(id), 'expires_at', 'image')
    if not task[1] or tonumber(task[1]) <= NOW then
        over[#over + 1] = { id = id, image = task[2] }
    end
end
for _, entry in ipairs(over) do
    redis.call('DEL', task_key(entry.id), history_key(entry.id))
    redis.call('ZREM', DONE, entry.id)
    if entry.image then redis.call('ZREM', image_tasks_key(entry.image), entry.id) end
end
return { 'expired', #over }
