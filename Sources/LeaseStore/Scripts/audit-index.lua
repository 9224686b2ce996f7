#!lua flags=allow-oom
-- Sees to it that the indexes hold live tasks and nothing else, each tenant's queue its own. They do where they hold as
-- many as live: that each live task is in one of them is seen task by task. Only where the numbers differ is every
-- entry looked at.
-- KEYS  1 anchor
-- ARGV  1 how many to repair at most
-- REPLY audited faults looked-at fault-texts…
local indexes, owners, held, faults = { LEASES, DELAYED }, {}, 0, {}
for _, tenant in ipairs(redis.call('ZRANGE', RING, 0, -1)) do
    indexes[#indexes + 1] = queue_key(tenant)
    owners[queue_key(tenant)] = tenant
    if redis.call('ZCARD', queue_key(tenant)) == 0 then
        faults[#faults + 1] = fault('Q1', 'tenant without tasks in the ring: ' .. tenant, '', { image = '' })
        redis.call('ZREM', RING, tenant)
    end
end
for _, index in ipairs(indexes) do held = held + redis.call('ZCARD', index) end
if held ~= redis.call('ZCARD', LIVE) then
    for _, index in ipairs(indexes) do
        for _, id in ipairs(redis.call('ZRANGE', index, 0, -1)) do
            local task = redis.call('HMGET', task_key(id), 'image', 'created_at', 'bytes_total', 'owner')
            local what, is_strange = nil, owners[index] and task[4] and task[4] ~= owners[index]
            if not redis.call('ZSCORE', LIVE, id) then
                what = is_live(id) and 'live task not in live' or 'no live task'
            elseif is_strange then
                what = 'live task of another tenant'
            end
            if what and #faults < tonumber(ARGV[1]) then
                local where = ', but in ' .. string.sub(index, #TAG + 1) .. ': ' .. id
                faults[#faults + 1] = fault('Q1', what .. where, id, { image = task[1] or '' })
                if is_live(id) then redis.call('ZADD', LIVE, task[2], id) end
                if is_strange or owners[index] and not is_live(id) then
                    dequeue(id, { owner = owners[index], bytes_total = task[3] })
                elseif not is_live(id) then
                    redis.call('ZREM', index, id)
                end
            end
        end
    end
end
return { 'audited', #faults, held, unpack(faults) }
