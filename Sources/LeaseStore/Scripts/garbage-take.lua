#!lua flags=allow-oom
-- Hands the sweeper what is old enough and, asked again, named by nothing.
-- KEYS  1 anchor
-- ARGV  1 least age (ms)  2 at most  3 store
-- REPLY taken sequence of-all (key score)…
-- It writes a mark, so that with replicas a WAIT behind it proves this server is still the primary.
local store, prefix = ARGV[3], ARGV[3] .. ' '
touch(CONTROL, GARBAGE)
redis.call('HSET', CONTROL, 'swept_at', NOW)
local answer = { 'taken', redis.call('HGET', CONTROL, 'sequence') or '0', redis.call('ZCARD', GARBAGE) }
local old = redis.call('ZRANGEBYSCORE', GARBAGE, '-inf', NOW - ARGV[1], 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]) * 4)
for i = 1, #old, 2 do
    if string.sub(old[i], 1, #prefix) == prefix and #answer < 3 + 2 * tonumber(ARGV[2]) then
        local key = string.sub(old[i], #prefix + 1)
        if is_named(store, key) then
            redis.call('ZREM', GARBAGE, old[i])
        else
            answer[#answer + 1], answer[#answer + 2] = key, old[i + 1]
        end
    end
end
return answer
