#!lua flags=allow-oom
-- Ends an attempt that failed: back to the queue for another one, or the end of the task.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 retry, reject or worker-fault  4 reason, for a person  5 delay before the next attempt (ms)
-- REPLY requeued | ended | lost why holder
-- Idempotent on the nonce, until a later attempt has begun.
local id, nonce, how, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local task, refusal, ended = held(id, nonce)
if not task then
    if ended and ended.nonce == nonce and ended.message == reason then
        return { ended.state == 'pending' and 'requeued' or 'ended' }
    end
    return refuse(refusal)
end
local image = load(image_key(task.image))

touch_task(id, task)
count('attempts:' .. how)
if how == 'retry' then return { retry(id, task, reason, tonumber(ARGV[5]), image) } end
if how == 'worker-fault' and not task.kind then
    requeue(id, task, reason, tonumber(ARGV[5]), math.max(0, tonumber(task.spent) - 1))
    tell('retrying', id, task, reason)
    return { 'requeued' }
end
finish(id, task, 'failure', task.kind and 'interrupted' or 'rejected', reason, image)
return { 'ended' }
