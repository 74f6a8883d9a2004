-- Takes messages from the lanes strictly in their order, up to a limit over all of them.
-- KEYS lanes, the most urgent first; the last is the zset of what is revoked
-- ARGV 1 group  2 consumer  3 limit  4 bytes after which no more are taken  5 how many messages of
-- these lanes may be held at once, by all consumers together; left out: any
-- Returns: index of a lane in KEYS, its entries, and so on; then 0 and the ids of those revoked,
-- where there are any.
-- One script, because XREADGROUP's COUNT holds for each stream: asked for n of five streams at
-- once, it hands out up to 5n. Of each lane it takes a few at first, and more when those were
-- small: what is handed out must have arrived before its lease is over. What was taken is returned
-- even if a later lane has no group.
local out, left, room = {}, tonumber(ARGV[3]), tonumber(ARGV[4])
local most = tonumber(ARGV[5])
if most then
  for i = 1, #KEYS - 1 do
    local pending = redis.pcall('XPENDING', KEYS[i], ARGV[1])
    if pending.err then return pending end
    most = most - pending[1]
  end
  left = math.min(left, most)
  if left <= 0 then return out end
end
for i = 1, #KEYS - 1 do
  local step = 16
  repeat
    local wanted = math.min(left, step)
    local got = redis.pcall(
      'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', wanted, 'STREAMS', KEYS[i], '>')
    if not got then break end
    if got.err then
      if #out == 0 then return got end
      left = 0
      break
    end
    local entries = got[1][2]
    out[#out + 1] = i
    out[#out + 1] = entries
    left = left - #entries
    for k = 1, #entries do
      local fields = entries[k][2]
      for f = 2, #fields, 2 do room = room - #fields[f] end
    end
    step = 2 * step
  until #entries < wanted or left <= 0 or room <= 0
  if left <= 0 or room <= 0 then break end
end
if #out == 0 or redis.call('EXISTS', KEYS[#KEYS]) == 0 then return out end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local revoked = {}
for i = 2, #out, 2 do
  for _, entry in ipairs(out[i]) do
    local fields, id = entry[2], entry[1]
    for k = 1, #fields - 1, 2 do
      if fields[k] == 'i' then id = fields[k + 1] end
    end
    local until_then = redis.call('ZSCORE', KEYS[#KEYS], id)
    if until_then and tonumber(until_then) > now then revoked[#revoked + 1] = id end
  end
end
if #revoked > 0 then
  out[#out + 1] = 0
  out[#out + 1] = revoked
end
return out
