#!lua
-- Locks an image for an upload or a staging that the calling process carries out itself; processing from the start.
-- KEYS  1 anchor
-- ARGV  1 task  2 image  3 input (JSON)  4 status the image must have  5 owner  6 kind (upload, stage)  7 request id
-- ARGV  8 steal after (ms)  9 pending steal after (ms)  10 force ('1')  11 deadline (ms from now)
-- ARGV  12 nonce  13 process  14 lease (ms)
-- REPLY opened prior-status stolen-task | no-image | wrong-status status | no-format
-- REPLY locked task state age-ms steal-in-ms phase
-- Idempotent on the task id with its nonce.
local id, image_id, kind, nonce = ARGV[1], ARGV[2], ARGV[6], ARGV[12]

local before = redis.call('HMGET', task_key(id), 'prior_status', 'nonce', 'stole')
if before[1] then
    if before[2] ~= nonce then return redis.error_reply('ERR this task is for another nonce') end
    return { 'opened', before[1], before[3] or '' }
end
if redis.call('EXISTS', claim_key(nonce)) == 1 or is_given_up(cjson.decode(ARGV[3]).stores, image_id, nonce) then
    return redis.error_reply('ERR this nonce was used before')
end

-- Formats may still be unset while data is staged.
local refusal, image, status, holder, loser, how = examine_lock(image_id, ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9]),
    ARGV[10] == '1', kind == 'stage')
if refusal then return refusal end

take_lock(id, image_id, image, holder, loser, how)
redis.call('HSET', task_key(id), 'image', image_id, 'kind', kind, 'state', 'processing', 'input', ARGV[3],
    'owner', ARGV[5], 'prior_status', status, 'request_id', ARGV[7], 'created_at', NOW, 'updated_at', NOW,
    'claimed_at', NOW, 'deadline_at', NOW + ARGV[11], 'attempt', 1, 'spent', 1, 'max_attempts', 1, 'nonce', nonce,
    'worker', ARGV[13], 'lease_ms', ARGV[14], 'beat_seq', 1, 'phase', 'streaming')
if loser then redis.call('HSET', task_key(id), 'stole', holder) end
redis.call('SET', claim_key(nonce), id, 'PX', 86400000)
redis.call('ZADD', LEASES, NOW + ARGV[14], id)
redis.call('ZADD', LIVE, NOW, id)
redis.call('ZADD', image_tasks_key(image_id), NOW, id)
redis.call('HINCRBY', CONTROL, 'sequence', 1)
change_status(image_id, image, status_during({ kind = kind }))
tell('claimed', id, { image = image_id }, ARGV[13])
return { 'opened', status, loser and holder or '' }
