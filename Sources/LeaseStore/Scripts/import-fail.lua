#!lua flags=allow-oom
-- Ends an attempt that failed: back to the queue for another one, or the end of the task.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 retry, reject or worker-fault  4 reason, for a person  5 delay before the next attempt (ms)
-- REPLY requeued | ended | lost why holder
-- Idempotent on the nonce, until a later attempt has begun.
local id, nonce, how, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local delay = tonumber(ARGV[5])
if not delay or (how ~= 'retry' and how ~= 'reject' and how ~= 'worker-fault') then
    return redis.error_reply('ERR a failure is retry, reject or worker-fault, with a delay')
end
local task, refusal, ended = held(id, nonce)
if not task then
    if ended and ended.nonce == nonce and (ended.settled == 'requeued' or ended.settled == 'ended') then
        return { ended.settled }
    end
    return refuse(refusal)
end
local image = load(image_key(task.image))

count('attempts:' .. how)
local settled = 'ended'
if how == 'reject' then
    -- Staged bytes that were refused for good must not block the image: new ones can be staged.
    if image and image.stage and not task.kind then
        local stage = cjson.decode(image.stage)
        redis.call('HDEL', image_key(task.image), 'stage')
        name_garbage(stage.store, stage.key)
        image.stage = nil
    end
    finish(id, task, 'failure', 'rejected', reason, image)
elseif how == 'worker-fault' and not task.kind then
    requeue(id, task, reason, delay, math.max(0, tonumber(task.spent) - 1))
    tell('retrying', id, task, reason)
    settled = 'requeued'
else
    settled = retry(id, task, reason, delay, image)
end
redis.call('HSET', task_key(id), 'settled', settled)
return { settled }
