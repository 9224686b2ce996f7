#!lua flags=allow-oom
-- Opens the catalog under this prefix, or begins a new one; every process does it when it starts.
-- KEYS  1 anchor
-- ARGV  1 schema version  2 id for a new catalog  3 retention of finished tasks (ms)
-- A process can be started on a full server: it may be the one that drains it.
-- REPLY open catalog-id sequence is-unindexed ('1', or '') | other-schema version
-- A catalog of schema 1, which had one index of images only, is taken over; `catalog-index` has to fill the others.
local control = redis.call('HMGET', CONTROL, 'schema_version', 'catalog_id', 'retention_ms', 'unindexed')
local is_older = control[1] == '1' and ARGV[1] == '2'
if control[1] and control[1] ~= ARGV[1] and not is_older then return { 'other-schema', control[1] } end
if not control[1] then
    redis.call('HSET', CONTROL, 'schema_version', ARGV[1], 'catalog_id', ARGV[2])
elseif is_older then
    redis.call('HSET', CONTROL, 'schema_version', ARGV[1], 'unindexed', '1')
end
if control[3] ~= ARGV[3] then redis.call('HSET', CONTROL, 'retention_ms', ARGV[3]) end
local is_unindexed = is_older or control[4]
return { 'open', control[2] or ARGV[2], redis.call('HGET', CONTROL, 'sequence') or '0', is_unindexed and '1' or '' }
