-- Looks at the entries of periodic tasks, and takes or renews the lease of who fires them first.
-- KEYS 1 their version  2 their names (a zset: name to when it was first seen)  3 the lease
-- ARGV 1 the version that is known  2 token of who wants the lease, '': nobody  3 how long, in ms
-- Returns the time now, the version, 1 for who has the lease; then, where the version is another
-- one, for each entry its name and its fields o r d v p a l f n i (see schedule.lua).
-- Atomic, so that nobody sees an entry of one version beside one of another.
local now, leads = server_time(), 0
if ARGV[2] ~= '' then
  local holder = redis.call('GET', KEYS[3])
  if not holder or holder == ARGV[2] then
    redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
    leads = 1
  end
end
local version = redis.call('GET', KEYS[1]) or ''
local told = {now, version, leads}
if version == ARGV[1] and version ~= '' then return told end
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local fields = redis.call('HMGET', KEYS[2] .. ':' .. name,
    'o', 'r', 'd', 'v', 'p', 'a', 'l', 'f', 'n', 'i')
  told[#told + 1] = name
  for i = 1, 10 do told[#told + 1] = fields[i] end
end
return told
