#!lua flags=allow-oom
-- Gives a worker the next task that it can run, with the nonce that it minted for this attempt.
-- KEYS  1 anchor
-- ARGV  1 nonce  2 worker  3 stores the worker reaches (comma separated)  4 lease (ms)
-- REPLY task id task-hash (flat) image-hash (flat) now
-- REPLY empty next-due-at (ms, or '') now | paused | over
-- Idempotent on the nonce: the task that this nonce was given, while the attempt runs; then `over`.
local nonce, worker, lease = ARGV[1], ARGV[2], tonumber(ARGV[4])

local function answer(id, image_id)
    return { 'task', id, redis.call('HGETALL', task_key(id)), redis.call('HGETALL', image_key(image_id)), NOW }
end

local given = redis.call('GET', claim_key(nonce))
if given then
    local task = redis.call('HMGET', task_key(given), 'state', 'nonce', 'image')
    if task[1] == 'processing' and task[2] == nonce then return answer(given, task[3]) end
    return { 'over' }
end
if redis.call('HGET', CONTROL, 'paused') then return { 'paused' } end

touch(CONTROL, RING, DELAYED, LEASES, WAKE, EVENTS, STATS, claim_key(nonce))

-- Attempts that are due go back to their places.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', NOW, 'LIMIT', 0, 8)) do
    local task = load(task_key(id))
    redis.call('ZREM', DELAYED, id)
    if task and task.state == 'pending' then
        touch(queue_key(task.owner))
        redis.call('HDEL', task_key(id), 'due_at')
        enqueue(id, task, task.score)
    end
end

local reached = {}
for _, store in ipairs(split(ARGV[3])) do reached[store] = true end

local function suits(id, task)
    if NOW >= tonumber(task.deadline_at) or redis.call('GET', lock_key(task.image)) ~= id then return false end
    for _, store in ipairs(stores_of(task)) do
        if not reached[store] then return false end
    end
    return true
end

local function claim(id, task, score)
    touch(task_key(id), queue_key(task.owner))
    dequeue(id, task)
    -- Tenants take turns: this one goes to the back.
    redis.call('ZADD', RING, 'XX', redis.call('HINCRBY', CONTROL, 'turn', 1), task.owner)
    redis.call('SET', claim_key(nonce), id, 'PX', 86400000)
    redis.call('HSET', task_key(id), 'state', 'processing', 'nonce', nonce, 'worker', worker, 'lease_ms', lease,
        'attempt', (task.attempt or 0) + 1, 'spent', (task.spent or 0) + 1, 'beat_seq', (task.beat_seq or 0) + 1,
        'updated_at', NOW, 'claimed_at', NOW, 'phase', 'claimed', 'message', '', 'score', score)
    redis.call('HDEL', task_key(id), 'suspect', 'bytes_done')
    redis.call('ZADD', LEASES, NOW + lease, id)
    tell('claimed', id, task, worker)
    return answer(id, task.image)
end

-- The look is bounded: a few tenants by their turn, the first few tasks of each.
for _, tenant in ipairs(redis.call('ZRANGE', RING, 0, 15)) do
    local head = redis.call('ZRANGE', queue_key(tenant), 0, 15, 'WITHSCORES')
    for i = 1, #head, 2 do
        local task = load(task_key(head[i]))
        if task and task.state == 'pending' and suits(head[i], task) then
            return claim(head[i], task, head[i + 1])
        end
    end
    -- A tenant whose first tasks this worker cannot run waits its turn like the others.
end
local due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
return { 'empty', due[2] or '', NOW }
