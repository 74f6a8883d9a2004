-- Tells of the workflows that are kept.
-- KEYS 1 workflows (a zset)  2 queues
-- ARGV 1 how many to look at  2 an id, '' for the youngest ones  3 how many of these to pass over
--      4 milliseconds: only those that go on, and in which nothing happened for so long; '' for all
-- Returns how many it has looked at, those included that are not kept any more; then for each: id,
-- when it was launched, milliseconds since something happened in it or since it was over, how it
-- ended ('' while it goes on). Only reads.
local prefix = string.sub(KEYS[2], 1, -7)
local ids = {ARGV[2]}
if ARGV[2] == '' then
  local latest = '+inf'
  if ARGV[4] ~= '' then
    local time = redis.call('TIME')
    latest = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[4])
  end
  ids = redis.call('ZRANGE', KEYS[1], latest, '-inf', 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[1])
end
local known = {#ids}
for _, id in ipairs(ids) do
  local workflow = prefix .. 'wf:' .. id
  local told = redis.call('HMGET', workflow, 'ttl', 'kept', 'began', 'over')
  if told[1] and told[3] then
    local over = told[4] and string.match(told[4], '^[^|]*') or ''
    local idle = math.max(0, (told[4] and told[2] or told[1]) - redis.call('PTTL', workflow))
    if ARGV[4] == '' or (over == '' and idle >= tonumber(ARGV[4])) then
      known[#known + 1] = id
      known[#known + 1] = told[3]
      known[#known + 1] = idle
      known[#known + 1] = over
    end
  end
end
return known
