#!lua flags=no-writes
-- What a recoverer has to watch: attempts that missed beats, and the processes of its own host.
-- KEYS  1 anchor
-- ARGV  1 silent for at least (ms)  2 host key  3 at most
-- REPLY scan processes host-processes (list) attempts (task, beat number, age, lease, worker; five each)
local processes = redis.call('ZCARD', TAG .. 'processes')
local silent = {}
-- Leases are of one length in a fleet, so the ones that were silent longest come first.
for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, tonumber(ARGV[3]) - 1)) do
    local task = redis.call('HMGET', task_key(id), 'beat_seq', 'updated_at', 'lease_ms', 'worker', 'state')
    if task[5] == 'processing' and age(task[2]) < tonumber(ARGV[1]) then break end
    for _, value in ipairs({ id, task[1], age(task[2]), task[3], task[4] }) do silent[#silent + 1] = value end
end
return { 'scan', processes, redis.call('SMEMBERS', TAG .. 'host:' .. ARGV[2]), silent }
