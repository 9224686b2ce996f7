#!lua
-- Keeps what another attempt needs to go on where this one is, in place of what was kept before.
-- KEYS  1 anchor
-- ARGV  1 task  2 nonce  3 value, of at most 16 KiB
-- ARGV  4… store and object key, in pairs: what the value speaks of
-- REPLY kept | lost why holder
-- The objects are the attempt's own, or those that the checkpoint before names. Of these, what is not named again is
-- garbage.
-- Idempotent: the same value again changes nothing.
local id, nonce, value = ARGV[1], ARGV[2], ARGV[3]
local task, refusal = held(id, nonce)
if not task then return refuse(refusal) end
if task.kind then return redis.error_reply('ERR only imports have checkpoints') end
if value == '' or #value > 16384 then return redis.error_reply('ERR a checkpoint has 1 to 16384 bytes') end
local before, asked, own = kept_by(task.kept), {}, task.image .. '/' .. nonce
for _, store in ipairs(stores_of(task)) do asked[store] = true end
local objects = {}
for i = 4, #ARGV, 2 do
    local object = ARGV[i] .. ' ' .. (ARGV[i + 1] or '')
    if not before[object] and not (asked[ARGV[i]] and ARGV[i + 1] == own) then
        return redis.error_reply('ERR a checkpoint names objects of its attempt, or handed over to it: not ' .. object)
    end
    objects[#objects + 1] = object
end
if #objects == 0 then return redis.error_reply('ERR a checkpoint speaks of objects') end

redis.call('HSET', task_key(id), 'kept', table.concat(objects, ','))
-- Beside the hash, which every beat reads.
redis.call('SET', checkpoint_key(id), value)
let_go(task.kept)
return { 'kept' }
