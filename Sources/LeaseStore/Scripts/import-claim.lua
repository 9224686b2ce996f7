#!lua flags=allow-oom
-- Gives a worker the next task that it can run, with the nonce that it minted for this attempt.
-- KEYS  1 anchor
-- ARGV  1 nonce  2 worker  3 stores the worker reaches (comma separated)  4 lease (ms)
-- REPLY task id task-hash (flat) image-hash (flat) now checkpoint (or '')
-- REPLY empty next-due-at (ms, or '') now | paused | over
-- Idempotent on the nonce: the task that this nonce was given, while the attempt runs; then `over`, as is a nonce whose
-- objects are called garbage.
local nonce, worker, lease = ARGV[1], ARGV[2], tonumber(ARGV[4])

local function answer(id, image_id)
    local task, image = redis.call('HGETALL', task_key(id)), redis.call('HGETALL', image_key(image_id))
    -- A key of another type there is no checkpoint, and no reason to lose the claim.
    local checkpoint = redis.pcall('GET', checkpoint_key(id))
    return { 'task', id, task, image, NOW, type(checkpoint) == 'string' and checkpoint or '' }
end

local given = redis.call('GET', claim_key(nonce))
if given then
    local task = redis.call('HMGET', task_key(given), 'state', 'nonce', 'image')
    if task[1] == 'processing' and task[2] == nonce then return answer(given, task[3]) end
    return { 'over' }
end
if redis.call('HGET', CONTROL, 'paused') then return { 'paused' } end

-- Attempts that are due go back to their places. A step of its own: whole, whatever becomes of the claim behind it.
local due = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', NOW, 'LIMIT', 0, 8)) do
    local task = load(task_key(id))
    due[#due + 1] = { id = id, task = task }
end
for _, entry in ipairs(due) do
    redis.call('ZREM', DELAYED, entry.id)
    if entry.task and entry.task.state == 'pending' then
        redis.call('HDEL', task_key(entry.id), 'due_at')
        enqueue(entry.id, entry.task, entry.task.score)
    end
end

-- A copy needs a store to read from, too.
local reached = {}
for _, store in ipairs(split(ARGV[3])) do reached[store] = true end

local function suits(id, task)
    if NOW >= tonumber(task.deadline_at) or redis.call('GET', lock_key(task.image)) ~= id then return false end
    for _, store in ipairs(stores_of(task)) do
        if not reached[store] then return false end
    end
    if not is_copy(task) then return true end
    for field in pairs(load(image_key(task.image)) or {}) do
        if reached[string.match(field, '^loc:(.+)$') or ''] then return true end
    end
    return false
end

local function claim(id, task, score)
    if is_given_up(stores_of(task), task.image, nonce) then return { 'over' } end
    dequeue(id, task)
    -- Tenants take turns: this one goes to the back.
    redis.call('ZADD', RING, 'XX', redis.call('HINCRBY', CONTROL, 'turn', 1), task.owner)
    redis.call('SET', claim_key(nonce), id, 'PX', 86400000)
    redis.call('HSET', task_key(id), 'state', 'processing', 'nonce', nonce, 'worker', worker, 'lease_ms', lease,
        'attempt', (task.attempt or 0) + 1, 'spent', (task.spent or 0) + 1, 'beat_seq', (task.beat_seq or 0) + 1,
        'updated_at', NOW, 'claimed_at', NOW, 'phase', 'claimed', 'message', '', 'score', score)
    redis.call('HDEL', task_key(id), 'suspect', 'bytes_done', 'due_at', 'settled')
    redis.call('ZADD', LEASES, NOW + lease, id)
    tell('claimed', id, task, worker)
    return answer(id, task.image)
end

-- The first of a few tasks of a tenant that this worker can run.
local function find(tenant, from)
    -- Nearly always the first one will do.
    for _, range in ipairs({ { from, from }, { from + 1, from + 15 } }) do
        local few = redis.call('ZRANGE', queue_key(tenant), range[1], range[2], 'WITHSCORES')
        for i = 1, #few, 2 do
            local task = load(task_key(few[i]))
            if task and task.state == 'pending' and suits(few[i], task) then return few[i], task, few[i + 1] end
        end
    end
end

-- The look is bounded: a few tenants by their turn, the first few tasks of each.
for _, tenant in ipairs(redis.call('ZRANGE', RING, 0, 15)) do
    local id, task, score = find(tenant, 0)
    if id then return claim(id, task, score) end
    -- A tenant whose first tasks this worker cannot run keeps its turn for the workers that can.
end
-- What stands in front may be for other workers only (their stores), and must not hide the rest for ever: one more look
-- at a chance place.
local tenants = redis.call('ZCARD', RING)
if tenants > 0 then
    local tenant = redis.call('ZRANGE', RING, time[2] % tenants, time[2] % tenants)[1]
    local length = math.max(1, redis.call('ZCARD', queue_key(tenant)))
    local id, task, score = find(tenant, math.floor(time[2] / tenants) % length)
    if id then return claim(id, task, score) end
end
local next_due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
return { 'empty', next_due[2] or '', NOW }
