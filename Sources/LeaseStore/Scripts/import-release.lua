#!lua flags=allow-oom
-- Gives a task back unharmed, because its worker is being drained: same place in the queue, no attempt spent.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce
-- REPLY released | lost why holder
-- Idempotent on the nonce, until a later attempt has begun.
local id, nonce = ARGV[1], ARGV[2]
local reason = 'given back by a draining worker'
local task, refusal, ended = held(id, nonce)
if not task then
    if ended and ended.nonce == nonce and ended.settled == 'released' then
        return { 'released' }
    end
    return refuse(refusal)
end
if task.kind then
    finish(id, task, 'failure', 'interrupted', reason, load(image_key(task.image)))
else
    requeue(id, task, reason, 0, math.max(0, tonumber(task.spent) - 1))
    count('attempts:released')
    tell('released', id, task, task.worker)
end
redis.call('HSET', task_key(id), 'settled', 'released')
return { 'released' }
