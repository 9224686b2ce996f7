#!lua
-- Adds an image to the catalog.
-- KEYS  1 anchor
-- ARGV  1 image  2… field and value, in pairs
-- REPLY created now | exists
-- An id that was ever used, even by a deleted image, is never used again.
local id = ARGV[1]
if #ARGV > 4000 then return redis.error_reply('ERR too many fields') end
if redis.call('EXISTS', image_key(id)) == 1 then return { 'exists' } end
redis.call('HSET', image_key(id), 'status', 'queued', 'revision', 0, 'created_at', NOW, 'updated_at', NOW,
    unpack(ARGV, 2))
reindex(id, {}, load(image_key(id)))
redis.call('HINCRBY', CONTROL, 'sequence', 1)
return { 'created', NOW }
