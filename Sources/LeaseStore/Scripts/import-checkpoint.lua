#!lua
-- Keeps what another attempt needs to go on where this one is, in place of what was kept before; or forgets that,
-- because the attempt begins anew.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 value, of at most 16 KiB, or '' to forget  4 why it is forgotten, or ''
-- ARGV  5… store and object key, in pairs: what the value speaks of
-- REPLY kept | lost why holder
-- The objects are the attempt's own, or those that the checkpoint before names. Of these, what is not named again is
-- garbage.
-- Idempotent: the same value again changes nothing.
local id, nonce, value = ARGV[1], ARGV[2], ARGV[3]
local task, refusal = held(id, nonce)
if not task then return refuse(refusal) end
if task.kind then return redis.error_reply('ERR only imports have checkpoints') end
if #value > 16384 then return redis.error_reply('ERR a checkpoint has at most 16 KiB') end
local before, asked, own = kept_by(task.kept), {}, task.image .. '/' .. nonce
for _, store in ipairs(stores_of(task)) do asked[store] = true end
local objects = {}
for i = 5, #ARGV, 2 do
    local object = ARGV[i] .. ' ' .. (ARGV[i + 1] or '')
    if not before[object] and not (asked[ARGV[i]] and ARGV[i + 1] == own) then
        return redis.error_reply('ERR a checkpoint names objects of its attempt, or handed over to it: not ' .. object)
    end
    objects[#objects + 1] = object
end
if (value == '') ~= (#objects == 0) then
    return redis.error_reply('ERR a checkpoint has a value and objects, or neither')
end

if value ~= '' then
    redis.call('HSET', task_key(id), 'checkpoint', value, 'kept', table.concat(objects, ','))
elseif task.kept then
    redis.call('HDEL', task_key(id), 'checkpoint', 'kept')
    tell('started-over', id, task, ARGV[4])
end
let_go(task.kept)
return { 'kept' }
