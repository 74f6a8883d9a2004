-- Takes messages from the lanes strictly in their order, up to a limit over all of them.
-- KEYS lanes, the most urgent first
-- ARGV 1 group  2 consumer  3 limit
-- Returns: index of a lane in KEYS, its entries, and so on.
-- One script, because XREADGROUP's COUNT holds for each stream: asked for n of five streams at
-- once, it hands out up to 5n. What was taken is returned even if a later lane has no group.
local out, left = {}, tonumber(ARGV[3])
for i = 1, #KEYS do
  local got = redis.pcall(
    'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', KEYS[i], '>')
  if got then
    if got.err then
      if #out == 0 then return got end
      return out
    end
    local entries = got[1][2]
    out[#out + 1] = i
    out[#out + 1] = entries
    left = left - #entries
    if left <= 0 then return out end
  end
end
return out
