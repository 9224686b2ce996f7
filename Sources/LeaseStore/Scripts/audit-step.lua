#!lua flags=allow-oom
-- Compares a part of the live tasks with the lock, the queue, the delayed set and the leases; repairs what is safe,
-- and ends what is past its deadline. The count of faults should be 0 for ever.
-- KEYS  1 anchor
-- ARGV  1 cursor ('0' to begin)  2 how many to look at
-- Each task is a step of its own, whole whatever becomes of the others.
-- REPLY next cursor faults ended fault-texts…
local faults = {}
local ended = 0
local function fault(text) faults[#faults + 1] = text end

local function is_live(id)
    local state = redis.call('HGET', task_key(id), 'state')
    return state == 'pending' or state == 'processing'
end

-- One task of `live`. Everything is repaired towards what the task's own hash says.
local function audit(id)
    local task = load(task_key(id))
    if not task or task.state == 'success' or task.state == 'failure' then
        fault('ended task in live: ' .. id)
        redis.call('ZREM', LIVE, id)
        return
    end
    local holder = redis.call('GET', lock_key(task.image))
    local image = load(image_key(task.image))
    if holder ~= id and (not holder or not is_live(holder)) and image and image.status ~= 'deleted' then
        fault('lock lost: ' .. task.image)
        redis.call('SET', lock_key(task.image), id)
        holder = id
    end
    if holder ~= id then
        fault('two live tasks: ' .. id)
        finish(id, task, 'failure', 'stolen', 'the lock is not held by this task', nil)
        return
    end
    local queued = redis.call('ZSCORE', queue_key(task.owner), id)
    local delayed = redis.call('ZSCORE', DELAYED, id)
    local leased = redis.call('ZSCORE', LEASES, id)
    if task.state == 'pending' then
        if leased then
            fault('pending task in leases: ' .. id)
            redis.call('ZREM', LEASES, id)
        end
        if not queued and not delayed then
            fault('pending task in no queue: ' .. id)
            enqueue(id, task, task.score or place(task.priority or 4, redis.call('HINCRBY', CONTROL, 'sequence', 1)))
        elseif queued and delayed then
            fault('task queued twice: ' .. id)
            redis.call('ZREM', DELAYED, id)
        end
        if queued and not redis.call('ZSCORE', RING, task.owner) then
            fault('tenant not in the ring: ' .. task.owner)
            redis.call('ZADD', RING, redis.call('HGET', CONTROL, 'turn') or 0, task.owner)
        end
        if tonumber(task.updated_at or 0) > NOW then
            -- The clock was set back: what it waits for would lie too far away.
            local due_at = task.due_at and NOW + math.max(0, task.due_at - task.updated_at)
            redis.call('HSET', task_key(id), 'updated_at', NOW)
            if due_at then redis.call('HSET', task_key(id), 'due_at', due_at) end
            if due_at and delayed and not queued then redis.call('ZADD', DELAYED, due_at, id) end
        end
    else
        if queued or delayed then
            fault('processing task in the queue: ' .. id)
            dequeue(id, task)
            redis.call('ZREM', DELAYED, id)
        end
        local expiry = task.updated_at + task.lease_ms
        if not leased or tonumber(leased) ~= expiry then
            fault('wrong lease: ' .. id)
            redis.call('ZADD', LEASES, expiry, id)
        end
    end
    if NOW >= tonumber(task.deadline_at) then
        finish(id, task, 'failure', 'deadline', 'not done by its deadline'
            .. (task.message and task.message ~= '' and '; last: ' .. task.message or ''), image)
        ended = ended + 1
    end
end

local scan = redis.call('ZSCAN', LIVE, ARGV[1], 'COUNT', ARGV[2])
for i = 1, #scan[2], 2 do audit(scan[2][i]) end
-- And the other way round: what the indexes hold must be live. Bounded; more is seen in the next round.
if ARGV[1] == '0' then
    local indexes = { LEASES, DELAYED }
    for _, tenant in ipairs(redis.call('ZRANGE', RING, 0, 99)) do
        indexes[#indexes + 1] = queue_key(tenant)
        if redis.call('ZCARD', queue_key(tenant)) == 0 then
            fault('tenant without tasks in the ring: ' .. tenant)
            redis.call('ZREM', RING, tenant)
        end
    end
    for _, index in ipairs(indexes) do
        for _, id in ipairs(redis.call('ZRANGE', index, 0, 99)) do
            if not redis.call('ZSCORE', LIVE, id) then
                fault('not live, but in ' .. string.sub(index, #TAG + 1) .. ': ' .. id)
                redis.call('ZREM', index, id)
            end
        end
    end
end
if #faults > 0 then count('faults', #faults) end
return { 'next', scan[1], #faults, ended, unpack(faults, 1, math.min(#faults, 50)) }
