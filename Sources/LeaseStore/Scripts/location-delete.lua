#!lua flags=allow-oom
-- Takes one of its stores from an active image: the object there becomes garbage, the others have the image as before.
-- KEYS  1 anchor
-- ARGV  1 image  2 store
-- REPLY deleted | no-image | wrong-status status | locked task | no-location | last-location
-- A live task may read from any location and add to them, so it is waited for.
local id, field = ARGV[1], 'loc:' .. ARGV[2]
local image = load(image_key(id))
if not image or image.status == 'deleted' then return { 'no-image' } end
if image.status ~= 'active' then return { 'wrong-status', image.status } end
local holder = redis.call('GET', lock_key(id))
if holder and is_live(holder, id) then return { 'locked', holder } end
if not image[field] then return { 'no-location' } end
local others = 0
for name in pairs(image) do
    if name ~= field and string.find(name, '^loc:') then others = others + 1 end
end
if others == 0 then return { 'last-location' } end

redis.call('HDEL', image_key(id), field)
touch_image(id)
name_garbage(ARGV[2], image[field])
-- A Redis that has lost this is behind the mark of its stores: it would take the other locations away in its turn, and
-- the bytes of this one are gone.
redis.call('HINCRBY', CONTROL, 'sequence', 1)
return { 'deleted' }
