-- Deletes the consumers of processes that are gone: they have not read for long, and hold nothing.
-- KEYS lanes
-- ARGV 1 group  2 milliseconds without a read  3 a consumer that stays  4 how many at most
-- Returns how many were deleted.
-- Atomic: XGROUP DELCONSUMER drops what the consumer holds for good, so it must hold nothing.
local count, long, most = 0, tonumber(ARGV[2]), tonumber(ARGV[4])
for i = 1, #KEYS do
  local told = redis.pcall('XINFO', 'CONSUMERS', KEYS[i], ARGV[1])
  if told.err then
    local none = string.find(told.err, 'NOGROUP', 1, true)
      or string.find(told.err, 'no such key', 1, true)
    if not none then return told end
    told = {}
  end
  for _, fields in ipairs(told) do
    local about = {}
    for k = 1, #fields - 1, 2 do about[fields[k]] = fields[k + 1] end
    if about.pending == 0 and about.idle > long and about.name ~= ARGV[3] then
      if count >= most then return count end
      redis.call('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[1], about.name)
      count = count + 1
    end
  end
end
return count
