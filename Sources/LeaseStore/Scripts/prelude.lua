-- What every script begins with: the clock, the keys, and the steps that several scripts share.
-- It is put behind a script's first line before the script is loaded. Every name here is a local of that script.
--
-- Rules that all scripts keep:
--   * validate everything, then write: a script that fails half-way is not rolled back;
--   * a node of a cluster that has only a part of the keys is asked nothing: see `whole`;
--   * the server's clock alone decides; a time found to lie in the future counts as now.

local TAG = string.match(KEYS[1], '^{[^{}]+}:')
if not TAG then return redis.error_reply('ERR KEYS[1] must begin with {prefix}:') end

local time = redis.call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)

local CONTROL, RING, DELAYED, LEASES = TAG .. 'control', TAG .. 'ring', TAG .. 'delayed', TAG .. 'leases'
local LIVE, DONE, GARBAGE = TAG .. 'live', TAG .. 'done', TAG .. 'garbage'
local WAKE, EVENTS, STATS = TAG .. 'wake', TAG .. 'events', TAG .. 'stats'

-- While a cluster moves the slot, each of two nodes has a part of the keys, and a script that asked the one for what is
-- at the other would take it for missing. Both refuse a command about several keys of which one is not there, so one
-- such command says, before anything else is read, whether this node has the whole slot.
local whole = redis.pcall('EXISTS', CONTROL, TAG .. 'none')
if type(whole) == 'table' then
    local is_moving = string.find(whole.err, 'non local key', 1, true)
    return is_moving and redis.error_reply('TRYAGAIN the slot of these keys is being moved between nodes') or whole
end

local function image_key(id) return TAG .. 'image:' .. id end
local function lock_key(id) return TAG .. 'image:' .. id .. ':lock' end
local function image_tasks_key(id) return TAG .. 'image:' .. id .. ':tasks' end
local function task_key(id) return TAG .. 'task:' .. id end
local function history_key(id) return TAG .. 'task:' .. id .. ':history' end
local function checkpoint_key(id) return TAG .. 'task:' .. id .. ':checkpoint' end
local function queue_key(tenant) return TAG .. 'queue:' .. tenant end
local function claim_key(nonce) return TAG .. 'claim:' .. nonce end
local function index_key(name) return TAG .. 'index:' .. name end

-- A hash as a table, or nil where there is none.
local function load(key)
    local flat = redis.call('HGETALL', key)
    if #flat == 0 then return nil end
    local hash = {}
    for i = 1, #flat, 2 do hash[flat[i]] = flat[i + 1] end
    return hash
end

-- Milliseconds since `at`; never negative.
local function age(at)
    return math.max(0, NOW - tonumber(at or NOW))
end

local function split(csv)
    local items = {}
    for item in string.gmatch(csv or '', '[^,]+') do items[#items + 1] = item end
    return items
end

-- The sorted union of two lists, as comma separated text.
local function union(left, right)
    local seen, items = {}, {}
    for _, list in ipairs({ left, right }) do
        for _, item in ipairs(list) do
            if not seen[item] then
                seen[item] = true
                items[#items + 1] = item
            end
        end
    end
    table.sort(items)
    return table.concat(items, ',')
end

local function stores_of(task) return cjson.decode(task.input).stores end

-- Whether a task copies an active image into further stores: nothing else begins at `active`.
local function is_copy(task) return task.prior_status == 'active' end

-- The stores of a task in which it has located no copy; of any task but a copy, all of them.
local function missing_stores(task)
    local located, missing = {}, {}
    for _, store in ipairs(split(task.located)) do located[store] = true end
    for _, store in ipairs(stores_of(task)) do
        if not located[store] then missing[#missing + 1] = store end
    end
    return missing
end

-- Whether an attempt's objects are called garbage: whoever made its nonce has given it up. A Redis that failed over may
-- not remember that it was ever claimed.
local function is_given_up(stores, image_id, nonce)
    for _, store in ipairs(stores) do
        if redis.call('ZSCORE', GARBAGE, store .. ' ' .. image_id .. '/' .. nonce) then return true end
    end
    return false
end

-- A figure for operators. That it cannot be added (a size beyond all bounds) never stops a script half-way.
local function count(name, by) redis.pcall('HINCRBY', STATS, name, by or 1) end

local function tell(kind, id, task, detail)
    redis.call('XADD', EVENTS, 'MAXLEN', '~', 1000, '*',
        'type', kind, 'task', id, 'image', task.image, 'detail', detail)
end

-- A broken invariant (`docs/protocol.md` has their letters): counted, and told to whoever watches. `task` has at least
-- its image. Returns it in words.
local function fault(invariant, text, id, task)
    count('faults:' .. invariant)
    tell('fault', id, task, invariant .. ' ' .. text)
    return invariant .. ' ' .. text
end

-- Whether this task has not ended, and is about this image where one is given.
local function is_live(id, image_id)
    local task = redis.call('HMGET', task_key(id), 'state', 'image')
    return (task[1] == 'pending' or task[1] == 'processing') and (not image_id or task[2] == image_id)
end

-- Which run of the server this is. No suspicion survives a restart of Redis.
local function run_id()
    return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

-- An object is garbage from `NOW` on; naming it again renews that.
local function name_garbage(store, key)
    redis.call('ZADD', GARBAGE, NOW, store .. ' ' .. key)
end

-- What the checkpoint of a task names, as a set of `<store> <object key>`.
local function kept_by(kept)
    local objects = {}
    for _, object in ipairs(split(kept)) do objects[object] = true end
    return objects
end

-- Whether this object is named: by its image, as staged data, by a running attempt in a store that it may write to, or
-- by a live task's checkpoint.
local function is_named(store, key)
    local image_id, nonce = string.match(key, '^([^/]+)/([^/]+)$')
    if not image_id then return false end
    local image = redis.call('HMGET', image_key(image_id), 'loc:' .. store, 'stage')
    if image[1] == key then return true end
    if image[2] then
        local stage = cjson.decode(image[2])
        if stage.store == store and stage.key == key then return true end
    end
    local holder = redis.call('GET', lock_key(image_id))
    if not holder then return false end
    local task = redis.call('HMGET', task_key(holder), 'state', 'nonce', 'kept', 'input')
    if task[1] == 'processing' and task[2] == nonce then
        for _, each in ipairs(stores_of({ input = task[4] })) do
            if each == store then return true end
        end
    end
    local is_alive = task[1] == 'processing' or task[1] == 'pending'
    return is_alive and task[3] and kept_by(task[3])[store .. ' ' .. key] or false
end

-- Where an image stands in the order of names: those without one first, then by the name's bytes, then by creation.
local function name_place(id, image)
    local rest = string.format('%013.0f', tonumber(image.created_at) or 0) .. id
    if not image.name then return '0' .. rest end
    return '1' .. string.gsub(image.name, '%z', '\0\1') .. '\0\0' .. rest
end

-- The indexes that an image belongs into by what its hash says, and its entry in each.
local function entries_of(id, image)
    local entries = {
        [index_key('images')] = id, [index_key('updated')] = id, [index_key('name')] = name_place(id, image),
        [index_key('visibility:' .. (image.visibility or 'shared'))] = id,
    }
    if image.owner then entries[index_key('owner:' .. image.owner)] = id end
    if image.hidden == '1' then entries[index_key('hidden')] = id end
    if image.status ~= 'active' then entries[index_key('inactive')] = id end
    for field in pairs(image) do
        local kind, text = string.match(field, '^([tm]):(.*)$')
        if kind then entries[index_key((kind == 't' and 'tag:' or 'member:') .. text)] = id end
    end
    return entries
end

local function index_score(key, image)
    if key == index_key('name') then return 0 end
    return key == index_key('updated') and image.updated_at or image.created_at or 0
end

-- Takes an image out of the indexes that it does not belong into any more, and puts it into those that it belongs into
-- now. `before` is what `entries_of` said before the change; `image` is nil when the image is gone.
local function reindex(id, before, image)
    local after = image and entries_of(id, image) or {}
    for key, entry in pairs(before) do
        if after[key] ~= entry then redis.call('ZREM', key, entry) end
    end
    for key, entry in pairs(after) do
        if before[key] ~= entry then redis.call('ZADD', key, index_score(key, image), entry) end
    end
end

-- Writes fields of an image that no index but that of the changes is about.
local function touch_image(id, ...)
    redis.call('HSET', image_key(id), 'updated_at', NOW, ...)
    redis.call('ZADD', index_key('updated'), 'XX', NOW, id)
end

-- Writes an image's status, and other fields that no index is about. `image` is the image's hash before it.
local function change_status(id, image, status, ...)
    touch_image(id, 'status', status, ...)
    if status == 'active' and image.status ~= 'active' then
        redis.call('ZREM', index_key('inactive'), id)
    elseif status ~= 'active' and image.status == 'active' then
        redis.call('ZADD', index_key('inactive'), image.created_at or 0, id)
    end
end

-- A task's score in its tenant's queue: by priority, then first come first served. Kept for all its attempts.
local function place(priority, sequence)
    return (9 - priority) * 17592186044416 + sequence
end

local function wake()
    if redis.call('LPUSH', WAKE, 1) > 64 then redis.call('LTRIM', WAKE, 0, 63) end
end

-- Puts a pending task into its tenant's queue and wakes a waiting worker.
local function enqueue(id, task, score)
    redis.call('ZADD', queue_key(task.owner), score, id)
    redis.call('ZADD', RING, 'NX', redis.call('HGET', CONTROL, 'turn') or 0, task.owner)
    if task.bytes_total then redis.pcall('HINCRBY', CONTROL, 'pending_bytes', task.bytes_total) end
    wake()
end

-- Takes a task out of its tenant's queue, and an emptied tenant out of the ring.
local function dequeue(id, task)
    if redis.call('ZREM', queue_key(task.owner), id) == 0 then return end
    if task.bytes_total then redis.pcall('HINCRBY', CONTROL, 'pending_bytes', '-' .. task.bytes_total) end
    if redis.call('ZCARD', queue_key(task.owner)) == 0 then redis.call('ZREM', RING, task.owner) end
end

-- Ends the running attempt: a line of history, out of the leases, and whatever it may have written becomes garbage,
-- unless the checkpoint names it, or the image, which names what was copied.
-- The nonce stays in the hash, so that a repeat of the ending call is recognised.
local function end_attempt(id, task, reason, published)
    local lines = redis.call('RPUSH', history_key(id), cjson.encode({
        attempt = tonumber(task.attempt), worker = task.worker, phase = task.phase or 'claimed',
        bytes = tonumber(task.bytes_done or 0), reason = reason,
        startedAtMs = tonumber(task.claimed_at), endedAtMs = NOW,
    }))
    if lines > 32 then redis.call('LTRIM', history_key(id), -32, -1) end
    redis.call('ZREM', LEASES, id)
    redis.call('PEXPIRE', claim_key(task.nonce), 3600000)
    if not published then
        local kept, own = kept_by(task.kept), task.image .. '/' .. task.nonce
        for _, store in ipairs(stores_of(task)) do
            local is_located = redis.call('HGET', image_key(task.image), 'loc:' .. store) == own
            if not is_located and not kept[store .. ' ' .. own] then name_garbage(store, own) end
        end
    end
end

-- The status that an image has while this task runs. One that is copied may be deactivated, too.
local function status_during(task)
    if is_copy(task) then return 'active' end
    return ({ upload = 'saving', stage = 'uploading' })[task.kind] or 'importing'
end

-- Puts an image's status back to what it was before this task, where the task's own status still stands.
local function restore_image(task, image)
    if image.status ~= status_during(task) then return end
    local status = task.prior_status
    if status == 'uploading' and not image.stage then status = 'queued' end
    change_status(task.image, image, status)
    if status == 'queued' then redis.call('HDEL', image_key(task.image), 'size', 'virtual_size') end
    if not task.kind then
        redis.call('HSET', image_key(task.image), 'importing', '',
            'failed', union(split(image.failed), stores_of(task)))
    end
end

-- Of what a checkpoint named, what nothing names any more is garbage.
local function let_go(kept)
    for object in pairs(kept_by(kept)) do
        local store, key = string.match(object, '^([^ ]+) (.+)$')
        if not is_named(store, key) then name_garbage(store, key) end
    end
end

-- An image stays as it is, whatever becomes of a copy; the lists say which stores lack it.
local function note_copy_end(task, image)
    touch_image(task.image, 'importing', '', 'failed', union(split(image.failed), missing_stores(task)))
end

-- Ends a task for good. `image` is its image's hash, or nil where that is gone.
local function finish(id, task, state, result, message, image)
    if task.state == 'processing' then
        end_attempt(id, task, state == 'success' and 'success' or message, state == 'success' and not is_copy(task))
    else
        dequeue(id, task)
        redis.call('ZREM', DELAYED, id)
    end
    local retention = tonumber(redis.call('HGET', CONTROL, 'retention_ms') or 172800000)
    redis.call('HSET', task_key(id), 'state', state, 'result', result, 'message', message, 'updated_at', NOW,
        'expires_at', NOW + retention)
    redis.call('HDEL', task_key(id), 'suspect', 'due_at', 'kept')
    redis.call('DEL', checkpoint_key(id))
    -- A token in the source's query has done its service. After a failure it is kept, since the import may be asked for
    -- again.
    if state == 'success' and string.find(task.input, '?', 1, true) then
        local request = cjson.decode(task.input)
        request.uri = request.uri and string.match(request.uri, '^[^?#]*')
        redis.call('HSET', task_key(id), 'input', cjson.encode(request))
    end
    redis.call('ZREM', LIVE, id)
    redis.call('ZADD', DONE, task.created_at, id)
    if redis.call('GET', lock_key(task.image)) == id then redis.call('DEL', lock_key(task.image)) end
    if image and is_copy(task) then
        note_copy_end(task, image)
    elseif image and state == 'failure' then
        restore_image(task, image)
    end
    let_go(task.kept)
    count('tasks:' .. result)
    tell(state, id, task, message)
end

-- Gives a processing task back: at once into its old place, or after a delay. The lock stays.
local function requeue(id, task, reason, delay, spent)
    end_attempt(id, task, reason)
    redis.call('HSET', task_key(id), 'state', 'pending', 'spent', spent, 'message', reason, 'updated_at', NOW)
    redis.call('HDEL', task_key(id), 'suspect', 'phase', 'bytes_done', 'worker')
    if delay > 0 then
        redis.call('HSET', task_key(id), 'due_at', NOW + delay)
        redis.call('ZADD', DELAYED, NOW + delay, id)
        -- A worker that waits for a later time has to look again.
        wake()
    else
        enqueue(id, task, task.score)
    end
end

-- Ends a lost attempt with a reason that another attempt may overcome. Returns the word for the task's fate.
local function retry(id, task, reason, delay, image)
    if task.kind then
        finish(id, task, 'failure', 'interrupted', reason, image)
        return 'ended'
    end
    if tonumber(task.spent) >= tonumber(task.max_attempts or 5) then
        finish(id, task, 'failure', 'attempts-spent',
            reason .. ' (the last of ' .. task.spent .. ' attempts)', image)
        return 'ended'
    end
    requeue(id, task, reason, delay, task.spent)
    tell('retrying', id, task, reason)
    return 'requeued'
end

-- The task, if this nonce is its authority; else nil and the refusal.
local function held(id, nonce)
    local task = load(task_key(id))
    local why, holder
    if not task then
        why = 'gone'
    elseif task.state ~= 'processing' then
        why = task.state == 'pending' and 'recovered' or task.result
        holder = redis.call('GET', lock_key(task.image)) or task.nonce ~= nonce and task.worker
    elseif task.nonce ~= nonce then
        why, holder = 'superseded', task.worker
    elseif redis.call('GET', lock_key(task.image)) ~= id then
        why, holder = 'gone', redis.call('GET', lock_key(task.image))
    else
        return task
    end
    return nil, { 'lost', why, holder or '' }, task
end

-- What a caller that holds no lease any more is told; counted, so that an operator sees refusals.
local function refuse(refusal)
    count('refused:' .. refusal[2])
    return refusal
end

-- The status of an image that no task is about. Where it was before: imports and uploads begin at the last two. But an
-- image with locations is published, and its content never changes: a new import would leave old bytes in one store
-- beside new ones in another. So it is active again; without the digests of these bytes, an image to delete.
local function resting_status(image)
    for field in pairs(image) do
        if string.find(field, '^loc:') then
            return image.size and image.md5 and image.sha512 and 'active' or 'killed'
        end
    end
    return image.stage and 'uploading' or 'queued'
end

-- Checks everything about taking an image's lock for a new task, and says what taking it will mean.
-- Returns a refusal, or nil, the image, the status to go back to, the id and hash of a task that loses the lock, and
-- the words by which it loses it. An id without a hash: the lock named no live task.
local function examine_lock(image_id, wanted, steal_after, pending_steal_after, force, may_lack_formats)
    local image = load(image_key(image_id))
    if not image or image.status == 'deleted' then return { 'no-image' } end
    local holder = redis.call('GET', lock_key(image_id))
    local status = image.status
    local loser, how
    if holder then
        loser = load(task_key(holder))
        -- What the holder's work has made of the status counts for nothing; any other status is the image's own.
        if status == 'importing' or status == 'saving' or status == 'uploading' then
            status = loser and loser.prior_status or resting_status(image)
        end
        if loser and (loser.state == 'pending' or loser.state == 'processing') then
            -- One that was never claimed is as old as its creation.
            local silent = age(loser.updated_at or loser.created_at)
            local steal_in = -1
            if loser.state == 'processing' then
                steal_in = math.max(0, steal_after - silent)
                if loser.suspect ~= run_id() .. ':' .. loser.beat_seq then
                    -- Nobody has watched it stay silent for a whole lease yet.
                    steal_in = math.max(steal_in, 1)
                end
            elseif tonumber(loser.attempt or 0) > 0 then
                steal_in = math.max(0, steal_after - silent)
            elseif pending_steal_after > 0 then
                steal_in = math.max(0, pending_steal_after - silent)
            end
            if steal_in ~= 0 and not force then
                return { 'locked', holder, loser.state, silent, steal_in, loser.phase or '' }
            end
            how = steal_in == 0
                and 'expired lock preempted: no heartbeat for ' .. math.floor(silent / 1000) .. ' s'
                or 'lock taken by force after ' .. math.floor(silent / 1000) .. ' s without a heartbeat'
        else
            loser = nil
        end
    end
    if status == 'uploading' and not image.stage then status = 'queued' end
    if status ~= wanted then return { 'wrong-status', status } end
    if not may_lack_formats and not (image.disk_format and image.container_format) then return { 'no-format' } end
    return nil, image, status, holder, loser, how
end

-- Gives the lock to `id`, and ends the task that loses it.
local function take_lock(id, image_id, image, holder, loser, how)
    if loser then
        finish(holder, loser, 'failure', 'stolen', how .. ', import taken over by ' .. id, image)
        count('steals')
    elseif holder then
        -- Nobody is there to lose it.
        fault('L1', 'the lock of image ' .. image_id .. ' named no live task: ' .. holder, holder, { image = image_id })
    end
    redis.call('SET', lock_key(image_id), id)
end
