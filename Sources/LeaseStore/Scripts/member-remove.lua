#!lua flags=allow-oom
-- Shares an image with a project no longer.
-- KEYS  1 anchor
-- ARGV  1 image  2 project
-- REPLY removed | no-member | no-image
local id = ARGV[1]
local status = redis.call('HGET', image_key(id), 'status')
if not status or status == 'deleted' then return { 'no-image' } end
if redis.call('HDEL', image_key(id), 'm:' .. ARGV[2]) == 0 then return { 'no-member' } end
redis.call('ZREM', index_key('member:' .. ARGV[2]), id)
return { 'removed' }
