-- Makes the streams and groups that a worker reads, where they are not there.
-- KEYS 1 meta  2 queues  3… lanes
-- ARGV 1 group  2 version of our layout  3 a name for the data, should they have none
--      4… names of the queues
-- Returns the version of the layout found here, the name of the data, the time now (ms since
-- 1970). When the version is another, nothing was written.
-- Groups begin at 0, so that nothing sent before the first worker came is skipped.
-- The first write is SREM, which a full server does not refuse: else no new worker could empty it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HGET', KEYS[1], 'schema')
if found and found ~= ARGV[2] then return {found, '', now} end
redis.call('SREM', KEYS[2], '')
if not found then redis.call('HSET', KEYS[1], 'schema', ARGV[2]) end
redis.call('HSETNX', KEYS[1], 'name', ARGV[3])
for i = 3, #KEYS do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[i], ARGV[1], '0', 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
end
for i = 4, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return {ARGV[2], redis.call('HGET', KEYS[1], 'name'), now}
