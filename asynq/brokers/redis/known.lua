-- Tells of the workflows that are kept.
-- KEYS 1 workflows (a zset)  2 queues   ARGV 1 how many  or  2 an id, '' for the youngest ones
-- Returns for each: id, when it was launched, milliseconds since something happened in it or since
-- it was over, how it ended ('' while it goes on). Only reads.
local prefix = string.sub(KEYS[2], 1, -7)
local ids = ARGV[2] ~= '' and {ARGV[2]}
  or redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'REV')
local known = {}
for _, id in ipairs(ids) do
  local workflow = prefix .. 'wf:' .. id
  local told = redis.call('HMGET', workflow, 'ttl', 'kept', 'began', 'over')
  if told[3] then
    local left = redis.call('PTTL', workflow)
    local over = told[4] and string.match(told[4], '^[^|]*') or ''
    known[#known + 1] = id
    known[#known + 1] = told[3]
    known[#known + 1] = math.max(0, (told[4] and told[2] or told[1]) - left)
    known[#known + 1] = over
  end
end
return known
