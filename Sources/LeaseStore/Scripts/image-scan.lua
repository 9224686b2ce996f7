#!lua flags=allow-oom
-- Hands out the next part of the catalog to somebody who walks over all of it, from the newest image to the oldest. The
-- fleet's own walks have names, and go on where the last process stopped. An image that is there all through a round is
-- handed out in it, whatever is created or deleted meanwhile; what is created later is behind the walk: rounds end.
-- What somebody was given who then died is not given out again before the next round.
-- KEYS  1 anchor
-- ARGV  1 name of the walk, or ''  2 cursor where it has no name ('0' to begin)  3 how many
-- REPLY images next-cursor ('0': the round is over) image…
-- A cursor is the last image that was met and its time: unlike the server's own, good after a restart and a failover.
local named = ARGV[1] ~= ''
local place = 'walk:' .. ARGV[1]
local cursor = named and redis.call('HGET', CONTROL, place) or ARGV[2]
local index, wanted = TAG .. 'index:images', tonumber(ARGV[3])

local from = 0
local created_at, last = string.match(cursor, '^(%d+) (.+)$')
if last then
    local rank = redis.call('ZREVRANK', index, last)
    -- Where it has gone, all of its millisecond come again.
    from = rank and rank + 1 or redis.call('ZCOUNT', index, '(' .. created_at, '+inf')
end
local part = redis.call('ZRANGE', index, from, from + wanted - 1, 'REV', 'WITHSCORES')

local next_cursor = '0'
if from + wanted < redis.call('ZCARD', index) then next_cursor = part[#part] .. ' ' .. part[#part - 1] end
if named then redis.call('HSET', CONTROL, place, next_cursor) end
local answer = { 'images', next_cursor }
for i = 1, #part, 2 do answer[#answer + 1] = part[i] end
return answer
