#!lua flags=allow-oom
-- Writes down what a project says to an image that is shared with it.
-- KEYS  1 anchor
-- ARGV  1 image  2 project  3 status (pending, accepted, rejected)
-- REPLY answered created-at updated-at | no-member | no-image
-- The same answer again changes nothing.
local id, field = ARGV[1], 'm:' .. ARGV[2]
local image = redis.call('HMGET', image_key(id), 'status', field)
if not image[1] or image[1] == 'deleted' then return { 'no-image' } end
if not image[2] then return { 'no-member' } end
local status, created_at, updated_at = string.match(image[2], '^(%l+) (%d+) (%d+)$')
if not status then return redis.error_reply('ERR this member cannot be read: ' .. image[2]) end
if status ~= ARGV[3] then
    updated_at = NOW
    redis.call('HSET', image_key(id), field, ARGV[3] .. ' ' .. created_at .. ' ' .. updated_at)
end
return { 'answered', tonumber(created_at), tonumber(updated_at) }
