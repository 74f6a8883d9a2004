-- What waits in a queue, what is held of it, and how many messages have left it.
-- KEYS 1 zset  2… lanes
-- ARGV 1 group  2 the time (ms since 1970) from which on what waits is parked
-- Returns how many are ready, wait for their time, are parked, are held; how many have ever left a
-- lane; and since when the one that has waited longest waits (ms since 1970: when it came into its
-- lane, or was due), '' where nothing does. Writes nothing.
-- One script, so that a message on its way from one to the other is counted once. What is due and
-- not moved is ready: where no worker is left, nobody moves it.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)[2]
local oldest = due and tonumber(due)
local ready = redis.call('ZCOUNT', KEYS[1], '-inf', now)
local parked = redis.call('ZCOUNT', KEYS[1], ARGV[2], '+inf')
local delayed = redis.call('ZCARD', KEYS[1]) - ready - parked
local held, gone = 0, 0

local function named(words)
  local about = {}
  for k = 1, #words, 2 do about[words[k]] = words[k + 1] end
  return about
end

for i = 2, #KEYS do
  local stream = redis.pcall('XINFO', 'STREAM', KEYS[i])
  if not stream.err then
    stream = named(stream)
    local from, pending = '-', 0
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[i])) do
      group = named(group)
      if group['name'] == ARGV[1] then
        from, pending = '(' .. group['last-delivered-id'], group['pending']
      end
    end
    ready = ready + stream['length'] - pending
    held = held + pending
    gone = gone + stream['entries-added'] - stream['length']
    local entry = redis.call('XRANGE', KEYS[i], from, '+', 'COUNT', 1)[1]
    local since = entry and tonumber(string.match(entry[1], '^%d+'))
    if since and (not oldest or since < oldest) then oldest = since end
  end
end
return {ready, delayed, parked, held, gone, oldest and string.format('%.0f', oldest) or ''}
