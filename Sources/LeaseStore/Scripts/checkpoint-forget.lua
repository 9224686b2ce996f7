#!lua flags=allow-oom
-- Forgets what was kept of a task's earlier attempts, because this one begins anew: what that named is garbage.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 why, for people
-- REPLY forgotten | lost why holder
-- Idempotent: where nothing is kept, nothing changes.
local id, nonce = ARGV[1], ARGV[2]
local task, refusal = held(id, nonce)
if not task then return refuse(refusal) end
if task.kind then return redis.error_reply('ERR only imports have checkpoints') end
if not task.kept then return { 'forgotten' } end

redis.call('HDEL', task_key(id), 'kept')
redis.call('DEL', checkpoint_key(id))
tell('started-over', id, task, ARGV[3])
let_go(task.kept)
return { 'forgotten' }
