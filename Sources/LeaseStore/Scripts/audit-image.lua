#!lua flags=allow-oom
-- Looks at images from their own side: a lock that names no live task, a status that no task will ever change, ended
-- tasks that are still in an index, live ones that `live` does not know, and bytes in use that are called garbage.
-- KEYS  1 anchor
-- ARGV  1… images
-- Each image is a step of its own. What is wrong with a live task itself is left to `audit-step`.
-- REPLY audited faults looked-at fault-texts…
local faults, looked = {}, 0

local function audit(image_id)
    local image = load(image_key(image_id))
    if not image or image.status == 'deleted' then return end
    looked = looked + 1
    local function wrong(invariant, text, id)
        faults[#faults + 1] = fault(invariant, text, id or '', { image = image_id })
    end

    local has_live = false
    for _, id in ipairs(redis.call('ZRANGE', image_tasks_key(image_id), -32, -1)) do
        local task = redis.call('HMGET', task_key(id), 'state', 'owner', 'created_at', 'bytes_total')
        if task[1] == 'pending' or task[1] == 'processing' then
            has_live = true
            if not redis.call('ZSCORE', LIVE, id) then
                wrong('Q1', 'live task not in live: ' .. id, id)
                redis.call('ZADD', LIVE, task[3], id)
            end
        elseif task[1] then
            for _, index in ipairs({ queue_key(task[2]), DELAYED, LEASES }) do
                if redis.call('ZSCORE', index, id) then
                    wrong('Q1', 'ended task in ' .. string.sub(index, #TAG + 1) .. ': ' .. id, id)
                    if index == DELAYED or index == LEASES then
                        redis.call('ZREM', index, id)
                    else
                        dequeue(id, { owner = task[2], bytes_total = task[4] })
                    end
                end
            end
        end
    end

    local holder = redis.call('GET', lock_key(image_id))
    if holder and is_live(holder, image_id) then
        has_live = true
    elseif holder and not has_live then
        wrong('L1', 'the lock of image ' .. image_id .. ' names no live task: ' .. holder, holder)
        redis.call('DEL', lock_key(image_id))
    end
    local status = image.status
    if not has_live and (status == 'importing' or status == 'saving' or status == 'uploading' and not image.stage) then
        local resting = resting_status(image)
        local unless = resting == 'killed' and ': it has locations without digests, delete it' or ''
        wrong('S1', 'image ' .. image_id .. ' is ' .. status .. ', and no task is about it' .. unless)
        redis.call('HSET', image_key(image_id), 'status', resting, 'updated_at', NOW)
        if image.importing then redis.call('HSET', image_key(image_id), 'importing', '') end
        if resting == 'queued' then redis.call('HDEL', image_key(image_id), 'size', 'virtual_size') end
    end

    local objects = {}
    for field, key in pairs(image) do
        local store = string.match(field, '^loc:(.+)$')
        if store then objects[#objects + 1] = store .. ' ' .. key end
    end
    if image.stage then
        local stage = cjson.decode(image.stage)
        objects[#objects + 1] = stage.store .. ' ' .. stage.key
    end
    for _, object in ipairs(objects) do
        if redis.call('ZSCORE', GARBAGE, object) then
            wrong('O6', 'garbage that image ' .. image_id .. ' names: ' .. object)
            redis.call('ZREM', GARBAGE, object)
        end
    end
end

for i = 1, #ARGV do audit(ARGV[i]) end
if looked > 0 then count('audited:images', looked) end
return { 'audited', #faults, looked, unpack(faults) }
