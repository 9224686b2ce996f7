#!lua flags=allow-oom
-- Puts images of a catalog that was taken over from schema 1 into the indexes of lists.
-- KEYS  1 anchor
-- ARGV  1 '1' with the last of them, or ''  2… images
-- REPLY indexed
-- Without these an image is not listed, so no process answers before all are there; whoever finds some missing puts in
-- all, whatever others do at the same time.
for i = 2, #ARGV do
    local image = load(image_key(ARGV[i]))
    if image and image.status ~= 'deleted' then reindex(ARGV[i], {}, image) end
end
if ARGV[1] == '1' then redis.call('HDEL', CONTROL, 'unindexed') end
return { 'indexed' }
