#!lua flags=allow-oom
-- One heartbeat: extends the lease and reports progress. Never writes the state.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 beat number  4 phase  5 message  6 bytes done  7 bytes in all, or ''  8 beat interval (ms)
-- REPLY ok | lost why holder
-- Idempotent on nonce and number: the number only grows.
local id, nonce = ARGV[1], ARGV[2]
local task, refusal = held(id, nonce)
if not task then return refuse(refusal) end
if tonumber(ARGV[3]) <= tonumber(task.beat_seq) then return { 'ok' } end

local late = age(task.updated_at) - tonumber(ARGV[8])
for _, bound in ipairs({ 100, 500, 1000, 5000, 15000 }) do
    if late <= bound then count('late:' .. bound) end
end
count('late:count')
count('late:sum', math.max(0, late))

local fields = {
    'beat_seq', ARGV[3], 'updated_at', NOW, 'phase', ARGV[4],
    'message', ARGV[5], 'bytes_done', ARGV[6],
}
if ARGV[7] ~= '' then
    fields[#fields + 1] = 'bytes_total'
    fields[#fields + 1] = ARGV[7]
end
redis.call('HSET', task_key(id), unpack(fields))
redis.call('HDEL', task_key(id), 'suspect')
redis.call('ZADD', LEASES, NOW + task.lease_ms, id)
return { 'ok' }
