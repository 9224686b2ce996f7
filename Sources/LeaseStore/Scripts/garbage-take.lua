#!lua flags=allow-oom
-- Hands the sweeper what is old enough and, asked again, named by nothing.
-- KEYS  1 anchor
-- ARGV  1 least age (ms)  2 at most  3 store
-- REPLY taken sequence of-all (key score)… catalog-id (or '': this Redis has no catalog)
-- The look is bounded by the oldest 200,000 of all stores: what belongs to stores that nobody has any more does not
-- hide the rest. What is named after all leaves the list, and is a fault. It writes a mark, so that with replicas a
-- WAIT behind it proves this server is still the primary.
local store, limit = ARGV[3], tonumber(ARGV[2])
local prefix = store .. ' '
local found, named = {}, {}
local ripe = math.min(redis.call('ZCOUNT', GARBAGE, '-inf', NOW - ARGV[1]), 200000)
for first = 0, ripe - 1, 1000 do
    -- By rank: passing over the first hundred thousand costs nothing then.
    local old = redis.call('ZRANGE', GARBAGE, first, math.min(first + 1000, ripe) - 1, 'WITHSCORES')
    for i = 1, #old, 2 do
        if #found < 2 * limit and string.sub(old[i], 1, #prefix) == prefix then
            local key = string.sub(old[i], #prefix + 1)
            if is_named(store, key) then
                named[#named + 1] = old[i]
            else
                found[#found + 1], found[#found + 2] = key, old[i + 1]
            end
        end
    end
    if #found >= 2 * limit then break end
end

redis.call('HSET', CONTROL, 'swept_at', NOW)
local control = redis.call('HMGET', CONTROL, 'sequence', 'catalog_id')
local answer = { 'taken', control[1] or '0', redis.call('ZCARD', GARBAGE) }
for _, member in ipairs(named) do
    fault('O6', 'garbage that is in use: ' .. member, '', { image = string.match(member, ' ([^/]+)/') })
    redis.call('ZREM', GARBAGE, member)
end
for _, value in ipairs(found) do answer[#answer + 1] = value end
answer[#answer + 1] = control[2] or ''
return answer
