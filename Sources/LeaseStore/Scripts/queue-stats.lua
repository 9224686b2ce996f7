#!lua flags=no-writes
-- The queue in numbers.
-- KEYS  1 anchor
-- The oldest age is that of the oldest among the tenants' next tasks; tenants beyond a thousand are left out.
-- REPLY stats paused delayed processing pending-bytes processes garbage oldest-age (ms, or '') tenants (name, count)
local tenants, oldest = {}, ''
for _, tenant in ipairs(redis.call('ZRANGE', RING, 0, 999)) do
    tenants[#tenants + 1] = tenant
    tenants[#tenants + 1] = redis.call('ZCARD', queue_key(tenant))
    local first = redis.call('ZRANGE', queue_key(tenant), 0, 0)[1]
    local created = first and redis.call('HGET', task_key(first), 'created_at')
    if created and (oldest == '' or age(created) > oldest) then oldest = age(created) end
end
local control = redis.call('HMGET', CONTROL, 'paused', 'pending_bytes')
return {
    'stats', control[1] or '0', redis.call('ZCARD', DELAYED), redis.call('ZCARD', LEASES), control[2] or '0',
    redis.call('ZCARD', TAG .. 'processes'), redis.call('ZCARD', GARBAGE), oldest, tenants,
}
