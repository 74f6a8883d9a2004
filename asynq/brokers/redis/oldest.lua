-- Since when the message that has waited longest waits in a queue.
-- KEYS 1 zset  2… lanes
-- ARGV 1 group
-- Returns ms since 1970: when it came into its lane, or was due; '' where nothing waits. Writes
-- nothing.
-- One script, so that a message on its way from one to the other is seen once. What is due and not
-- moved waits too: where no worker is left, nobody moves it.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)[2]
local oldest = due and tonumber(due)
for i = 2, #KEYS do
  local from = '-'
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[i])
  if groups.err then groups = {} end
  for _, group in ipairs(groups) do
    local about = {}
    for k = 1, #group, 2 do about[group[k]] = group[k + 1] end
    if about['name'] == ARGV[1] then from = '(' .. about['last-delivered-id'] end
  end
  local entry = redis.call('XRANGE', KEYS[i], from, '+', 'COUNT', 1)[1]
  local since = entry and tonumber(string.match(entry[1], '^%d+'))
  if since and (not oldest or since < oldest) then oldest = since end
end
return oldest and string.format('%.0f', oldest) or ''
