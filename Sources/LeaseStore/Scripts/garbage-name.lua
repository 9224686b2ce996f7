#!lua flags=allow-oom
-- Names objects that nobody should name: what a worker that lost its lease may have written.
-- KEYS  1 anchor
-- ARGV  1… store and object key, in pairs
-- REPLY named count
-- What an image, a stage or a running attempt names is left alone. Naming again renews the time.
local named = {}
for i = 1, #ARGV, 2 do
    if not is_named(ARGV[i], ARGV[i + 1]) then named[#named + 1] = i end
end
for _, i in ipairs(named) do name_garbage(ARGV[i], ARGV[i + 1]) end
return { 'named', #named }
