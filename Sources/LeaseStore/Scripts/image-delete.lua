#!lua flags=allow-oom
-- Removes an image. A task that runs on it ends; its bytes become garbage, which the sweeper removes.
-- KEYS  1 anchor
-- ARGV  1 image
-- REPLY deleted | no-image | protected
-- A tombstone stays, so that the id is never used again.
local id = ARGV[1]
local image = load(image_key(id))
if not image or image.status == 'deleted' then return { 'no-image' } end
if image.protected == '1' then return { 'protected' } end
local holder = redis.call('GET', lock_key(id))
local task = holder and load(task_key(holder))

if task and (task.state == 'pending' or task.state == 'processing') then
    finish(holder, task, 'failure', 'image-deleted', 'the image was deleted', nil)
end
for field, key in pairs(image) do
    local store = string.match(field, '^loc:(.+)$')
    if store then name_garbage(store, key) end
end
if image.stage then
    local stage = cjson.decode(image.stage)
    name_garbage(stage.store, stage.key)
end
redis.call('DEL', image_key(id), lock_key(id))
redis.call('HSET', image_key(id), 'status', 'deleted', 'updated_at', NOW)
reindex(id, entries_of(id, image), nil)
return { 'deleted' }
