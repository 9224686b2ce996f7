package import RedisClient

/// What must hold over all keys of a fleet at any moment (L1, L2, Q1, Q2, Q4, I1 of docs/protocol.md), looked at in one
/// step and from the outside: nothing of the store's own scripts takes part in it.
package enum KeyInvariants {
    /// Is given one key, the anchor. Answers with what is wrong, and with what of each task only ever grows or stays:
    /// id, state, result, attempt and number of the last beat.
    package static let script = RedisScript(
        name: "invariants",
        source: """
            #!lua flags=no-writes
            local tag = string.match(KEYS[1], '^{[^{}]+}:')
            local bad, tasks = {}, {}
            local function check(holds, text) if not holds then bad[#bad + 1] = text end end
            local function score(set, id) return redis.call('ZSCORE', tag .. set, id) end
            local live_of, pending_bytes, waiting, queues = {}, 0, {}, 0
            for _, key in ipairs(redis.call('KEYS', tag .. 'task:*')) do
                local id = string.match(key, ':task:([%x-]+)$')
                if id then
                    local flat, task = redis.call('HGETALL', key), {}
                    for i = 1, #flat, 2 do task[flat[i]] = flat[i + 1] end
                    local queued = redis.call('ZSCORE', tag .. 'queue:' .. task.owner, id)
                    local delayed, leased, live = score('delayed', id), score('leases', id), score('live', id)
                    local places = (queued and 1 or 0) + (delayed and 1 or 0) + (leased and 1 or 0)
                    local lock = redis.call('GET', tag .. 'image:' .. task.image .. ':lock')
                    local has_checkpoint = redis.call('EXISTS', key .. ':checkpoint') == 1
                    check(has_checkpoint == (task.kept ~= nil), 'O6 a checkpoint names nothing, or has no value: ' .. id)
                    if task.state == 'pending' or task.state == 'processing' then
                        check(lock == id, 'L2 live, and the lock is not its: ' .. id)
                        check(not live_of[task.image], 'L2 two live tasks: ' .. task.image)
                        live_of[task.image] = id
                        check(live, 'Q1 not in live: ' .. id)
                        check(places == 1, 'Q1 in ' .. places .. ' places: ' .. id)
                        check((leased and true or false) == (task.state == 'processing'), 'Q2 place: ' .. id)
                        check(not score('done', id), 'Q1 live, but in done: ' .. id)
                        for object in string.gmatch(task.kept or '', '[^,]+') do
                            check(not score('garbage', object), 'O6 kept, and garbage: ' .. object)
                        end
                        local status = ({ upload = 'saving', stage = 'uploading' })[task.kind] or 'importing'
                        local now = redis.call('HGET', tag .. 'image:' .. task.image, 'status')
                        -- A copy leaves its image as it is, which may be taken out of service meanwhile.
                        local is_copy = task.prior_status == 'active'
                        check(is_copy and (now == 'active' or now == 'deactivated') or now == status, 'status ' .. tostring(now) .. ' under ' .. id)
                    else
                        check(task.state == 'success' or task.state == 'failure', 'state: ' .. tostring(task.state))
                        check(not live and places == 0, 'Q1 ended, but in an index: ' .. id)
                        check(lock ~= id, 'L1 an ended task holds the lock: ' .. id)
                        check(not has_checkpoint and not task.kept, 'O6 ended, with a checkpoint: ' .. id)
                        check(score('done', id) and task.result and task.expires_at, 'not laid to rest: ' .. id)
                    end
                    if task.state == 'processing' then
                        check(task.nonce and task.worker, 'L3 no authority: ' .. id)
                        check(leased and tonumber(leased) == task.updated_at + task.lease_ms, 'Q2 lease: ' .. id)
                    end
                    check(tonumber(task.spent or 0) <= tonumber(task.max_attempts or 5), 'Q4 spent: ' .. id)
                    if queued then
                        waiting[task.owner] = (waiting[task.owner] or 0) + 1
                        pending_bytes = pending_bytes + (task.bytes_total or 0)
                        check(score('ring', task.owner), 'waiting tenant not in the ring: ' .. task.owner)
                    end
                    for _, value in ipairs({
                        id, task.state, task.result or '', tostring(task.attempt or 0), tostring(task.beat_seq or 0)
                    }) do tasks[#tasks + 1] = value end
                end
            end
            for _, key in ipairs(redis.call('KEYS', tag .. 'image:*:lock')) do
                local image = string.match(key, ':image:([%x-]+):lock$')
                check(live_of[image] == redis.call('GET', key), 'L1 a lock without its live task: ' .. image)
            end
            for _, key in ipairs(redis.call('KEYS', tag .. 'image:*')) do
                local image = string.match(key, ':image:([%x-]+)$')
                if image then
                    local hash = redis.call('HMGET', key, 'status', 'stage', 'sha512')
                    local transient = hash[1] == 'importing' or hash[1] == 'saving'
                    check(not transient or live_of[image], 'stuck image: ' .. image .. ' ' .. hash[1])
                    check(hash[1] ~= 'uploading' or hash[2] or live_of[image], 'uploading without data: ' .. image)
                    check(hash[1] ~= 'active' or hash[3], 'active without digests: ' .. image)
                end
            end
            -- Which images are in which index of lists, and where; the other way round, that it holds nothing else.
            local entries = 0
            local function listed(index, entry, at)
                entries = entries + 1
                local found = redis.call('ZSCORE', tag .. 'index:' .. index, entry)
                check(found and tonumber(found) == tonumber(at), 'I1 not at its place in ' .. index .. ': ' .. entry)
            end
            for _, key in ipairs(redis.call('KEYS', tag .. 'image:*')) do
                local id = string.match(key, ':image:([%x-]+)$')
                local flat, image = id and redis.call('HGETALL', key) or {}, {}
                for i = 1, #flat, 2 do image[flat[i]] = flat[i + 1] end
                if image.status and image.status ~= 'deleted' then
                    local at = image.created_at
                    listed('images', id, at)
                    listed('updated', id, image.updated_at)
                    listed('visibility:' .. (image.visibility or 'shared'), id, at)
                    if image.owner then listed('owner:' .. image.owner, id, at) end
                    if image.hidden == '1' then listed('hidden', id, at) end
                    if image.status ~= 'active' then listed('inactive', id, at) end
                    local place = '0'
                    if image.name then place = '1' .. image.name:gsub('%z', '\\0\\1') .. '\\0\\0' end
                    listed('name', place .. string.rep('0', 13 - #at) .. at .. id, 0)
                    for field in pairs(image) do
                        if field:sub(1, 2) == 't:' then listed('tag:' .. field:sub(3), id, at) end
                        if field:sub(1, 2) == 'm:' then listed('member:' .. field:sub(3), id, at) end
                    end
                end
            end
            for _, key in ipairs(redis.call('KEYS', tag .. 'index:*')) do entries = entries - redis.call('ZCARD', key) end
            check(entries == 0, 'I1 the indexes of lists hold ' .. -entries .. ' more than there are')
            local counts = { live = 0 }
            for _ in pairs(live_of) do counts.live = counts.live + 1 end
            check(redis.call('ZCARD', tag .. 'live') == counts.live, 'Q1 live holds what is not live')
            for _, tenant in ipairs(redis.call('ZRANGE', tag .. 'ring', 0, -1)) do
                check(waiting[tenant], 'a tenant in the ring has nothing waiting: ' .. tenant)
            end
            for _, key in ipairs(redis.call('KEYS', tag .. 'queue:*')) do
                queues = queues + redis.call('ZCARD', key)
            end
            local placed = queues + redis.call('ZCARD', tag .. 'delayed') + redis.call('ZCARD', tag .. 'leases')
            check(placed == counts.live, 'Q1 the indexes hold what is not live')
            local known = tonumber(redis.call('HGET', tag .. 'control', 'pending_bytes') or 0)
            check(known == pending_bytes, 'pending bytes: ' .. known .. ' instead of ' .. pending_bytes)
            return { bad, tasks }
            """)
}
