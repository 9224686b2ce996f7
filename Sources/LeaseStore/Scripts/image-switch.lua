#!lua flags=allow-oom
-- Takes an active image out of service, or puts it back. Its bytes stay; no task begins at `deactivated`.
-- KEYS  1 anchor
-- ARGV  1 image  2 the status it is to have (active, deactivated)
-- REPLY switched | no-image | wrong-status status
-- An image that has the status already stays as it is.
local id, wanted = ARGV[1], ARGV[2]
if wanted ~= 'active' and wanted ~= 'deactivated' then
    return redis.error_reply('ERR an image is switched to active or deactivated')
end
local image = redis.call('HMGET', image_key(id), 'status', 'created_at')
local status = image[1]
if not status or status == 'deleted' then return { 'no-image' } end
if status ~= 'active' and status ~= 'deactivated' then return { 'wrong-status', status } end
if status ~= wanted then change_status(id, { status = status, created_at = image[2] }, wanted) end
return { 'switched' }
