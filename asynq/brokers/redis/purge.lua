-- Throws away what waits in a queue, not what runs.
-- KEYS 1 zset  2 hash  3… lanes
-- ARGV 1 group  2 how many of each lane in one call, 500 at most
-- Returns: how many were thrown away, and 1 when there may be more.
-- Atomic: what lies beyond the group's last delivery was handed to nobody.
local count, more = redis.call('ZCARD', KEYS[1]), 0
redis.call('UNLINK', KEYS[1], KEYS[2])
for i = 3, #KEYS do
  local from = '-'
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[i])
  if groups.err then groups = {} end
  for _, group in ipairs(groups) do
    local about = {}
    for k = 1, #group, 2 do about[group[k]] = group[k + 1] end
    if about['name'] == ARGV[1] then from = '(' .. about['last-delivered-id'] end
  end
  local ids = {}
  for _, entry in ipairs(redis.call('XRANGE', KEYS[i], from, '+', 'COUNT', ARGV[2])) do
    ids[#ids + 1] = entry[1]
  end
  if #ids > 0 then
    redis.call('XDEL', KEYS[i], unpack(ids))
    count = count + #ids
    if #ids == tonumber(ARGV[2]) then more = 1 end
  end
end
return {count, more}
