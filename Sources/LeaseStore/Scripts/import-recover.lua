#!lua flags=allow-oom
-- Takes a dead attempt's task back into the queue; the lock stays. An upload or a staging fails: its bytes are gone.
-- Two keys turn it: the age of the last beat by the server's clock and a suspicion under this run of the server; or
-- proof that the process which holds it is gone.
-- KEYS  1 anchor
-- ARGV  1 task  2 beat number that was seen  3 process proven to be dead, or ''
-- REPLY requeued | ended | alive | moved
local id, seq, dead = ARGV[1], ARGV[2], ARGV[3]
local task = load(task_key(id))
if not task or task.state ~= 'processing' or task.beat_seq ~= seq then return { 'moved' } end
if dead ~= '' then
    if task.worker ~= dead then return { 'moved' } end
elseif task.suspect ~= run_id() .. ':' .. seq or age(task.updated_at) < tonumber(task.lease_ms) then
    return { 'alive' }
end
count('recoveries')
local reason = dead ~= '' and 'the process that ran it is gone: ' .. dead
    or 'no heartbeat for ' .. math.floor(age(task.updated_at) / 1000) .. ' s from ' .. task.worker
local image = load(image_key(task.image))
tell('recovered', id, task, reason)
return { retry(id, task, reason, 0, image) }
