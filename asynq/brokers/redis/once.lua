-- counted_before, count_once: a call that is sent again after a lost reply is answered as it was.
--   mark     of this call
--   number   of this call, counted by the client
--   lasting  milliseconds in which it may be sent again
local function counted_before(mark, number)
  local before = redis.call('GET', mark)
  if not before or string.sub(before, 1, #number + 1) ~= number .. ':' then return false end
  return tonumber(string.sub(before, #number + 2))
end

local function count_once(mark, number, lasting, count)
  redis.call('SET', mark, number .. ':' .. count, 'PX', lasting)
  return count
end
