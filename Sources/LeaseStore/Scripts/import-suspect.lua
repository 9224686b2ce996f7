#!lua flags=allow-oom
-- Marks an attempt whose beat number somebody saw unchanged for a whole lease, by a monotonic clock of his own.
-- KEYS  1 anchor
-- ARGV  1 task  2 beat number
-- REPLY suspected | moved
-- Idempotent. The mark names this run of the server: it is worth nothing after a restart, or after the next beat.
local id = ARGV[1]
local task = redis.call('HMGET', task_key(id), 'state', 'beat_seq', 'suspect', 'updated_at', 'lease_ms')
if task[1] ~= 'processing' or task[2] ~= ARGV[2] then return { 'moved' } end
local mark = run_id() .. ':' .. ARGV[2]
if task[3] == mark then return { 'suspected' } end
redis.call('HSET', task_key(id), 'suspect', mark)
if tonumber(task[4]) > NOW then
    -- The server's clock was set back. Its age begins now, or a dead attempt would stay young until that time comes.
    redis.call('HSET', task_key(id), 'updated_at', NOW)
    redis.call('ZADD', LEASES, NOW + task[5], id)
end
return { 'suspected' }
