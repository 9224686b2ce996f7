#!lua flags=no-writes
-- What a process has to look after: attempts that missed beats, the processes of its own host, and whether tasks wait
-- to be claimed (a wake token may have gone to a worker that is frozen or cut off).
-- KEYS  1 anchor
-- ARGV  1 silent for at least (ms)  2 host key  3 at most
-- REPLY scan processes host-processes (list) attempts (task, beat number, age, lease, worker; each) waiting (1, 0) run
local processes = redis.call('ZCARD', TAG .. 'processes')
local silent = {}
-- Adds attempts for as long as they pass; an entry without a running attempt is left to the audit.
local function add(ids, passes)
    for _, id in ipairs(ids) do
        local task = redis.call('HMGET', task_key(id), 'beat_seq', 'updated_at', 'lease_ms', 'worker', 'state')
        if task[5] == 'processing' then
            if not passes(tonumber(task[2])) then return end
            for _, value in ipairs({ id, task[1], age(task[2]), task[3], task[4] }) do silent[#silent + 1] = value end
        end
    end
end
-- Leases are of one length in a fleet, so the ones that were silent longest come first.
local oldest = redis.call('ZRANGE', LEASES, 0, tonumber(ARGV[3]) - 1)
if #oldest > 0 then
    add(oldest, function(updated_at) return updated_at <= NOW and age(updated_at) >= tonumber(ARGV[1]) end)
    -- A beat in the future: the clock was set back. Only watching tells whether such an attempt lives.
    add(redis.call('ZRANGE', LEASES, 0, tonumber(ARGV[3]) - 1, 'REV'),
        function(updated_at) return updated_at > NOW end)
end
local waiting = redis.call('EXISTS', RING) == 1
if not waiting then
    local due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
    waiting = due and tonumber(due) <= NOW
end
if waiting and redis.call('HGET', CONTROL, 'paused') then waiting = false end
return { 'scan', processes, redis.call('SMEMBERS', TAG .. 'host:' .. ARGV[2]), silent, waiting and 1 or 0, run_id() }
