#!lua
-- Changes the attributes of an image that a user may change; only these fields are written.
-- KEYS  1 anchor
-- ARGV  1 image  2 revision the change was computed on  3 number of fields to remove  4… their names
-- ARGV  then field and value, in pairs
-- REPLY updated revision | conflict | no-image | wrong-status status
-- `conflict`: somebody else changed the image; compute the change again on what it is now.
local id, removals = ARGV[1], tonumber(ARGV[3])
if #ARGV > 4000 or (#ARGV - 3 - removals) % 2 ~= 0 then
    return redis.error_reply('ERR too many fields, or a field without a value')
end
local image = load(image_key(id))
if not image or image.status == 'deleted' then return { 'no-image' } end
if image.revision ~= ARGV[2] then return { 'conflict' } end

-- What an import has read must not change under it; checked here, because a read before this script may be old.
for i = 4, #ARGV do
    local is_name = i < 4 + removals or (i - removals) % 2 == 0
    if is_name and (ARGV[i] == 'disk_format' or ARGV[i] == 'container_format')
        and image.status ~= 'queued' and image.status ~= 'importing' then
        return { 'wrong-status', image.status }
    end
end

if removals > 0 then redis.call('HDEL', image_key(id), unpack(ARGV, 4, 3 + removals)) end
touch_image(id, unpack(ARGV, 4 + removals))
reindex(id, entries_of(id, image), load(image_key(id)))
return { 'updated', redis.call('HINCRBY', image_key(id), 'revision', 1) }
