#!lua flags=allow-oom
-- Compares a part of the live tasks with their images, locks, places in the indexes, and the garbage. Everything is
-- repaired towards what the task's own hash says; what is past its deadline ends. There should never be a fault.
-- KEYS  1 anchor
-- ARGV  1 cursor ('0' to begin)  2 how many to look at
-- Each task is a step of its own, whole whatever becomes of the others.
-- REPLY next cursor faults ended looked-at fault-texts…
local faults, ended = {}, 0

-- What looking takes; the rest of the hash is read only where something has to be written.
local function glance(id)
    local values = redis.call('HMGET', task_key(id), 'state', 'image', 'owner', 'kind', 'updated_at', 'lease_ms',
        'deadline_at', 'kept', 'prior_status')
    return {
        state = values[1], image = values[2] or '', owner = values[3] or '', kind = values[4] or nil,
        updated_at = values[5], lease_ms = values[6], deadline_at = values[7], kept = values[8] or nil,
        prior_status = values[9],
    }
end

local function complete(id, task)
    for field, value in pairs(load(task_key(id)) or {}) do task[field] = value end
end

local function wrong(invariant, text, id, task)
    complete(id, task)
    faults[#faults + 1] = fault(invariant, text .. ': ' .. id, id, task)
end

-- What a running attempt may write, or the checkpoint names, and is called garbage.
local function garbage_of(id, task)
    local named = kept_by(task.kept)
    if task.state == 'processing' then
        local more = redis.call('HMGET', task_key(id), 'nonce', 'input')
        for _, store in ipairs(cjson.decode(more[2]).stores) do
            named[store .. ' ' .. task.image .. '/' .. more[1]] = true
        end
    end
    local objects = {}
    for object in pairs(named) do
        if redis.call('ZSCORE', GARBAGE, object) then objects[#objects + 1] = object end
    end
    return objects
end

local function audit(id)
    local task = glance(id)
    if task.state ~= 'pending' and task.state ~= 'processing' then
        wrong('Q1', 'ended task in live', id, task)
        redis.call('ZREM', LIVE, id)
        if task.state then redis.call('ZADD', DONE, task.created_at, id) end
        return
    end

    local status = redis.call('HGET', image_key(task.image), 'status')
    if not status or status == 'deleted' then
        wrong('L2', 'live task of an image that is gone', id, task)
        finish(id, task, 'failure', 'image-deleted', 'the image is gone', nil)
        return
    end
    local holder = redis.call('GET', lock_key(task.image))
    if holder ~= id and not (holder and is_live(holder, task.image)) then
        wrong('L2', 'live task without its lock', id, task)
        redis.call('SET', lock_key(task.image), id)
        holder = id
    end
    if holder ~= id then
        wrong('L2', 'second live task of an image', id, task)
        finish(id, task, 'failure', 'stolen', 'the lock is not held by this task', nil)
        return
    end
    if status ~= status_during(task) and not (is_copy(task) and status == 'deactivated') then
        wrong('S1', 'image is ' .. status .. ' under its live task', id, task)
        if status ~= task.prior_status then
            -- It could never publish.
            finish(id, task, 'failure', 'rejected', 'the image is ' .. status, nil)
            return
        end
        change_status(task.image, { status = status }, status_during(task))
    end

    local queued = redis.call('ZSCORE', queue_key(task.owner), id)
    local delayed = redis.call('ZSCORE', DELAYED, id)
    local leased = redis.call('ZSCORE', LEASES, id)
    if task.state == 'pending' then
        if leased then
            wrong('Q2', 'pending task in leases', id, task)
            redis.call('ZREM', LEASES, id)
        end
        if not queued and not delayed then
            wrong('Q1', 'pending task in no queue', id, task)
            enqueue(id, task, task.score or place(task.priority or 4, redis.call('HINCRBY', CONTROL, 'sequence', 1)))
        elseif queued and delayed then
            wrong('Q1', 'task queued twice', id, task)
            redis.call('ZREM', DELAYED, id)
        end
        if queued and not redis.call('ZSCORE', RING, task.owner) then
            wrong('Q1', 'tenant not in the ring', id, task)
            redis.call('ZADD', RING, redis.call('HGET', CONTROL, 'turn') or 0, task.owner)
        end
        if tonumber(task.updated_at or 0) > NOW then
            -- The clock was set back: what it waits for would lie too far away.
            complete(id, task)
            local due_at = task.due_at and NOW + math.max(0, task.due_at - task.updated_at)
            redis.call('HSET', task_key(id), 'updated_at', NOW)
            if due_at then redis.call('HSET', task_key(id), 'due_at', due_at) end
            if due_at and delayed and not queued then redis.call('ZADD', DELAYED, due_at, id) end
        end
    else
        if queued or delayed then
            wrong('Q1', 'processing task in the queue', id, task)
            dequeue(id, task)
            redis.call('ZREM', DELAYED, id)
        end
        local expiry = task.updated_at + task.lease_ms
        if not leased or tonumber(leased) ~= expiry then
            wrong('Q2', 'wrong lease', id, task)
            redis.call('ZADD', LEASES, expiry, id)
        end
    end
    for _, object in ipairs(garbage_of(id, task)) do
        wrong('O6', 'garbage that its attempt writes or its checkpoint names', id, task)
        redis.call('ZREM', GARBAGE, object)
    end
    if NOW >= tonumber(task.deadline_at) then
        complete(id, task)
        finish(id, task, 'failure', 'deadline', 'not done by its deadline'
            .. (task.message and task.message ~= '' and '; last: ' .. task.message or ''), load(image_key(task.image)))
        ended = ended + 1
    end
end

local scan = redis.call('ZSCAN', LIVE, ARGV[1], 'COUNT', ARGV[2])
for i = 1, #scan[2], 2 do audit(scan[2][i]) end
local looked = #scan[2] / 2
if looked > 0 then count('audited:tasks', looked) end
return { 'next', scan[1], #faults, ended, looked, unpack(faults) }
