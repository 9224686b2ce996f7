#!lua flags=allow-oom
-- Looks at images from their own side: a lock that names no live task, a status that no task will ever change, ended
-- tasks that are still in an index, live ones that `live` does not know, bytes in use that are called garbage, and an
-- index of lists that lacks the image.
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
        change_status(image_id, image, resting)
        if resting ~= 'active' then redis.call('ZADD', index_key('inactive'), image.created_at or 0, image_id) end
        image.status, image.updated_at = resting, tostring(NOW)
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

    for key, entry in pairs(entries_of(image_id, image)) do
        local wanted = tostring(index_score(key, image))
        local score = redis.call('ZSCORE', key, entry)
        if tonumber(score or nil) ~= tonumber(wanted) then
            wrong('I1', 'image ' .. image_id .. ' is not at its place in ' .. string.sub(key, #TAG + 1))
            redis.call('ZADD', key, wanted, entry)
        end
    end
end

for i = 1, #ARGV do audit(ARGV[i]) end
if looked > 0 then count('audited:images', looked) end
return { 'audited', #faults, looked, unpack(faults) }
