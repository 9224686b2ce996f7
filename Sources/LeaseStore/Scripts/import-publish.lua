#!lua flags=allow-oom
-- Ends an attempt that succeeded: points the image at its objects, finishes the task, drops the lock, in one step.
-- Of a copy it only finishes the task: the image has been pointed at its objects by `import-locate`.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 size (bytes)  4 md5  5 sha512  6 disk format and  7 container format that were imported
-- ARGV  8 message  9 failed stores (comma separated)  10 verdict (JSON)  11 virtual size (bytes), or ''
-- ARGV  12 inspection (JSON; of staged data), or ''  13 provenance (JSON; of fetched data), or ''
-- ARGV  14 disk format that the bytes were converted to, or ''
-- ARGV  15… store and object key, in pairs
-- REPLY published | lost why holder | gone | changed what
-- Idempotent on the nonce.
local id, nonce, size = ARGV[1], ARGV[2], ARGV[3]
local task, refusal, ended = held(id, nonce)
if not task then
    if ended and ended.state == 'success' and ended.nonce == nonce then return { 'published' } end
    return refuse(refusal)
end
local image = load(image_key(task.image))
if not image or image.status == 'deleted' then return { 'gone' } end
if is_copy(task) then
    -- What was located may have been forgotten since, by a Redis that failed over.
    local missing = #missing_stores(task)
    local is_enough = missing == 0 or cjson.decode(task.input).must == false and missing < #stores_of(task)
    if not is_enough then return { 'changed', 'locations' } end
    finish(id, task, 'success', 'success', ARGV[8], image)
    return { 'published' }
end
local stage = image.stage and cjson.decode(image.stage)

-- An object is the attempt's own, one that its checkpoint names, or the staged one that the claim saw; nothing else may
-- become an image's bytes.
local own, kept = task.image .. '/' .. nonce, kept_by(task.kept)
for i = 15, #ARGV, 2 do
    local adopted = stage and stage.store == ARGV[i] and stage.key == ARGV[i + 1] and task.kind == nil
    local is_kept = kept[ARGV[i] .. ' ' .. ARGV[i + 1]]
    if ARGV[i + 1] ~= own and not adopted and not is_kept then return { 'changed', 'staged data' } end
end
if #ARGV < 16 or (task.kind == 'stage' and #ARGV > 16) then
    return redis.error_reply('ERR a publish needs a location, and a staging just one')
end
if ARGV[10] == '' then return redis.error_reply('ERR a publish needs the verdict of an inspection') end
if image.status ~= status_during(task) then return { 'changed', 'status ' .. image.status } end
if task.kind ~= 'stage' then
    if image.disk_format ~= ARGV[6] or image.container_format ~= ARGV[7] then return { 'changed', 'formats' } end
end

redis.call('HSET', task_key(id), 'bytes_done', size, 'bytes_total', size, 'phase', 'publishing')
if task.kind == 'stage' then
    touch_image(task.image, 'size', size, 'stage', cjson.encode({
        store = ARGV[15], key = ARGV[16], sizeBytes = tonumber(size), digests = { md5 = ARGV[4], sha512 = ARGV[5] },
        inspection = ARGV[12],
    }))
else
    local fields = { 'size', size, 'md5', ARGV[4], 'sha512', ARGV[5], 'verdict', ARGV[10] }
    if ARGV[11] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'virtual_size', ARGV[11] end
    if ARGV[13] ~= '' then fields[#fields + 1], fields[#fields + 2] = 'provenance', ARGV[13] end
    if not task.kind then
        fields[#fields + 1], fields[#fields + 2] = 'importing', ''
        fields[#fields + 1], fields[#fields + 2] = 'failed', union(split(ARGV[9]), {})
    end
    for i = 15, #ARGV, 2 do
        fields[#fields + 1], fields[#fields + 2] = 'loc:' .. ARGV[i], ARGV[i + 1]
    end
    -- What a user could have set: the format that the bytes have now, and the properties that the request was given.
    local known = #fields
    if ARGV[14] ~= '' then fields[known + 1], fields[known + 2] = 'disk_format', ARGV[14] end
    for name, value in pairs(cjson.decode(task.input).inject or {}) do
        fields[#fields + 1], fields[#fields + 2] = 'p:' .. name, value
    end
    if #fields > known then redis.call('HINCRBY', image_key(task.image), 'revision', 1) end
    change_status(task.image, image, 'active', unpack(fields))
    redis.call('HDEL', image_key(task.image), 'stage')
end
-- What the attempt wrote and nothing names now: in a store that failed, or that was asked for and is not spoken of.
local named = {}
for i = 15, #ARGV, 2 do named[ARGV[i] .. ' ' .. ARGV[i + 1]] = true end
for _, list in ipairs({ stores_of(task), split(ARGV[9]) }) do
    for _, store in ipairs(list) do
        if not named[store .. ' ' .. own] then name_garbage(store, own) end
    end
end
if stage and not named[stage.store .. ' ' .. stage.key] then name_garbage(stage.store, stage.key) end
-- A Redis that has lost this publish is behind the mark of its stores, and nothing is swept by it.
redis.call('HINCRBY', CONTROL, 'sequence', 1)
for i = 15, #ARGV, 2 do count('stored:' .. ARGV[i], size) end
task.phase, task.bytes_done = 'publishing', size
finish(id, task, 'success', 'success', ARGV[8], image)
return { 'published' }
