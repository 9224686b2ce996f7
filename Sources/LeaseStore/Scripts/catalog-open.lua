#!lua flags=allow-oom
-- Opens the catalog under this prefix, or begins a new one; every process does it when it starts.
-- KEYS  1 anchor
-- ARGV  1 schema version  2 id for a new catalog  3 retention of finished tasks (ms)
-- A process can be started on a full server: it may be the one that drains it.
-- REPLY open catalog-id sequence | other-schema version
local control = redis.call('HMGET', CONTROL, 'schema_version', 'catalog_id', 'retention_ms')
if control[1] and control[1] ~= ARGV[1] then return { 'other-schema', control[1] } end
if not control[1] then
    redis.call('HSET', CONTROL, 'schema_version', ARGV[1], 'catalog_id', ARGV[2])
end
if control[3] ~= ARGV[3] then redis.call('HSET', CONTROL, 'retention_ms', ARGV[3]) end
return { 'open', control[2] or ARGV[2], redis.call('HGET', CONTROL, 'sequence') or '0' }
