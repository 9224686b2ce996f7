#!lua flags=allow-oom
-- Hands out the next part of the catalog to somebody who walks over all of it. The fleet's own walks have names, and go
-- on where the last process stopped; an image that is there all the time is met once a round at least.
-- KEYS  1 anchor
-- ARGV  1 name of the walk, or ''  2 cursor where it has no name ('0' to begin)  3 about how many
-- REPLY images next-cursor ('0': the round is over) image…
local named = ARGV[1] ~= ''
local place = 'walk:' .. ARGV[1]
local cursor = named and redis.call('HGET', CONTROL, place) or ARGV[2]
local scan = redis.call('ZSCAN', TAG .. 'index:images', cursor, 'COUNT', ARGV[3])
if named then redis.call('HSET', CONTROL, place, scan[1]) end
local answer = { 'images', scan[1] }
for i = 1, #scan[2], 2 do answer[#answer + 1] = scan[2][i] end
return answer
