#!lua flags=allow-oom
-- Adds the location of a copy to its image, once the object is committed; the image's status stays as it is.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 store  4 size (bytes)  5 md5  6 sha512 of what was written
-- REPLY located | lost why holder | gone | changed what
-- Idempotent on the nonce and the store. Whether it was done is asked of the task and not of the image, so that a
-- location that was taken away meanwhile stays away.
local id, nonce, store = ARGV[1], ARGV[2], ARGV[3]
local task, refusal = held(id, nonce)
if not task then return refuse(refusal) end
local image = load(image_key(task.image))
if not image or image.status == 'deleted' then return { 'gone' } end

local is_asked_for = false
for _, asked in ipairs(stores_of(task)) do is_asked_for = is_asked_for or asked == store end
if not is_copy(task) or not is_asked_for then
    return redis.error_reply('ERR a location is added by a copy, in a store that it was asked to fill')
end
for _, located in ipairs(split(task.located)) do
    if located == store then return { 'located' } end
end
if image.status ~= 'active' and image.status ~= 'deactivated' then return { 'changed', 'status ' .. image.status } end
if image.size ~= ARGV[4] or image.md5 ~= ARGV[5] or image.sha512 ~= ARGV[6] then return { 'changed', 'bytes' } end
if image['loc:' .. store] then return { 'changed', 'locations' } end

task.located = union(split(task.located), { store })
redis.call('HSET', task_key(id), 'located', task.located)
touch_image(task.image, 'loc:' .. store, task.image .. '/' .. nonce, 'importing', union(missing_stores(task), {}))
-- As with a publish: a Redis that has lost this is behind the mark of its stores.
redis.call('HINCRBY', CONTROL, 'sequence', 1)
count('stored:' .. store, image.size)
return { 'located' }
