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
local image = redis.call('HMGET', image_key(id), 'revision', 'status')
if not image[1] or image[2] == 'deleted' then return { 'no-image' } end
if image[1] ~= ARGV[2] then return { 'conflict' } end

-- What an import has read must not change under it; checked here, because a read before this script may be old.
for i = 4, #ARGV do
    local is_name = i < 4 + removals or (i - removals) % 2 == 0
    if is_name and (ARGV[i] == 'disk_format' or ARGV[i] == 'container_format') and image[2] ~= 'queued'
        and image[2] ~= 'importing' then
        return { 'wrong-status', image[2] }
    end
end

if removals > 0 then redis.call('HDEL', image_key(id), unpack(ARGV, 4, 3 + removals)) end
redis.call('HSET', image_key(id), 'updated_at', NOW, unpack(ARGV, 4 + removals))
return { 'updated', redis.call('HINCRBY', image_key(id), 'revision', 1) }
