-- put_back: moves an entry to the return lane, its priority with it. The old entry is gone then,
-- and with it whatever its last owner may still do: that is the fence.
--   level        the level of the lane it is in, '' for the return lane (the entry knows it there)
--   crashed      its owner has vanished: one redelivery more
--   spent        it must not be run again
-- Returns whether the entry was there.
local function put_back(lane, return_lane, group, id, level, crashed, spent)
  local entry = redis.call('XRANGE', lane, id, id)[1]
  redis.call('XACK', lane, group, id)
  if not entry then return false end
  local fields, counted = entry[2], false
  local words = {'XADD', return_lane, '*'}
  for i = 1, math.min(#fields, 400), 2 do
    local value = fields[i + 1]
    if crashed and fields[i] == 'd' then
      value = tostring((tonumber(value) or 0) + 1)
      counted = true
    end
    words[#words + 1] = fields[i]
    words[#words + 1] = value
  end
  if crashed and not counted then words[#words + 1] = 'd'; words[#words + 1] = '1' end
  if spent then words[#words + 1] = 's'; words[#words + 1] = '1' end
  if level ~= '' and level ~= '0' then words[#words + 1] = 'p'; words[#words + 1] = level end
  redis.call(unpack(words))
  redis.call('XDEL', lane, id)
  return true
end
