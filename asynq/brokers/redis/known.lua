-- Tells of the workflows that are kept.
-- KEYS 1 workflows (a zset)  2 queues   ARGV 1 how many  or  2 an id, '' for the youngest ones
-- Returns for each: id, when it was launched, milliseconds since something happened in it or since
-- it was over, how it ended ('' while it goes on). Only reads.
local prefix = string.sub(KEYS[2], 1, -7)
local known = {}

local function tell(id)
  local workflow = prefix .. 'wf:' .. id
  local told = redis.call('HMGET', workflow, 'ttl', 'kept', 'began', 'over')
  if not told[3] then return end
  local left = redis.call('PTTL', workflow)
  known[#known + 1] = id
  known[#known + 1] = told[3]
  known[#known + 1] = math.max(0, (told[4] and told[2] or told[1]) - left)
  known[#known + 1] = told[4] and string.match(told[4], '^[^|]*') or ''
end

if ARGV[2] ~= '' then
  tell(ARGV[2])
  return known
end
-- Some of them may be forgotten, so more are looked at than are told; to a bound.
local most, page = tonumber(ARGV[1]), 100
for first = 0, 10000, page do
  local ids = redis.call('ZRANGE', KEYS[1], first, first + page - 1, 'REV')
  for _, id in ipairs(ids) do
    if #known >= 4 * most then return known end
    tell(id)
  end
  if #ids < page then break end
end
return known
