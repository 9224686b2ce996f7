#!lua
-- Shares an image with a project, whose answer is `pending` until it gives one.
-- KEYS  1 anchor
-- ARGV  1 image  2 project  3 how many members an image may have
-- REPLY added now | exists | full | not-shared visibility | no-image
local id, field = ARGV[1], 'm:' .. ARGV[2]
local image = load(image_key(id))
if not image or image.status == 'deleted' then return { 'no-image' } end
if image.visibility and image.visibility ~= 'shared' then return { 'not-shared', image.visibility } end
if image[field] then return { 'exists' } end
local members = 0
for name in pairs(image) do
    if string.find(name, '^m:') then members = members + 1 end
end
if members >= tonumber(ARGV[3]) then return { 'full' } end
redis.call('HSET', image_key(id), field, 'pending ' .. NOW .. ' ' .. NOW)
redis.call('ZADD', index_key('member:' .. ARGV[2]), image.created_at or 0, id)
return { 'added', NOW }
