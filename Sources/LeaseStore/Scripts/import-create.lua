#!lua
-- Locks an image for a new import and queues the task: one step, or none.
-- KEYS  1 anchor
-- ARGV  1 task  2 image  3 input (JSON)  4 status the image must have  5 owner  6 priority (0-9)  7 request id, or ''
-- ARGV  8 steal after (ms)  9 pending steal after (ms; 0: never)  10 force ('1')  11 deadline (ms from now)
-- ARGV  12 max attempts  13 bytes of the source, or ''
-- REPLY created prior-status stolen-task | no-image | wrong-status status | no-format | stored store
-- REPLY locked task state age-ms steal-in-ms phase
-- Where `active` is wanted the task is a copy: into stores that lack the image, or else `stored`; its status stays.
-- Idempotent on the task id.
local id, image_id, input, owner, priority = ARGV[1], ARGV[2], ARGV[3], ARGV[5], tonumber(ARGV[6])

local before = redis.call('HMGET', task_key(id), 'prior_status', 'image', 'stole')
if before[1] then
    if before[2] ~= image_id then return redis.error_reply('ERR this task is for another image') end
    return { 'created', before[1], before[3] or '' }
end

local refusal, image, status, holder, loser, how =
    examine_lock(image_id, ARGV[4], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1', false)
if refusal then return refusal end
local stores = cjson.decode(input).stores
local is_copying = status == 'active'
for _, store in ipairs(is_copying and stores or {}) do
    if image['loc:' .. store] then return { 'stored', store } end
end

take_lock(id, image_id, image, holder, loser, how)
local task = {
    'image', image_id, 'state', 'pending', 'input', input, 'owner', owner, 'prior_status', status,
    'created_at', NOW, 'deadline_at', NOW + ARGV[11],
}
-- Defaults are not stored: a queued task should be small.
local function store_unless(default, field, value)
    if value ~= default then
        task[#task + 1] = field
        task[#task + 1] = value
    end
end
store_unless('4', 'priority', ARGV[6])
store_unless('5', 'max_attempts', ARGV[12])
store_unless('', 'request_id', ARGV[7])
store_unless('', 'bytes_total', ARGV[13])
store_unless('', 'stole', loser and holder or '')
redis.call('HSET', task_key(id), unpack(task))
redis.call('ZADD', LIVE, NOW, id)
redis.call('ZADD', image_tasks_key(image_id), NOW, id)
local sequence = redis.call('HINCRBY', CONTROL, 'sequence', 1)
local entry = { owner = owner, image = image_id }
if ARGV[13] ~= '' then entry.bytes_total = ARGV[13] end
enqueue(id, entry, place(priority, sequence))
local failed = ''
if is_copying then
    -- Asked for again: what earlier imports did not manage, and the loser of this lock, goes on in the other stores.
    local asked = {}
    for _, store in ipairs(stores) do asked[store] = true end
    local others = {}
    for _, store in ipairs(split(redis.call('HGET', image_key(image_id), 'failed') or '')) do
        if not asked[store] then others[#others + 1] = store end
    end
    failed = union(others, {})
end
change_status(image_id, image, is_copying and 'active' or 'importing', 'importing', union(stores, {}), 'failed', failed)
tell('created', id, entry, '')
return { 'created', status, loser and holder or '' }
