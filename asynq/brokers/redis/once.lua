-- counted_before, count_once: a call that is sent again after a lost reply is answered as it was.
--   marks    what this client has sent lately
--   number   of this call, counted by the client
--   lasting  milliseconds in which it may be sent again
local function counted_before(marks, number)
  local before = redis.call('HGET', marks, number % 128)
  if not before or string.sub(before, 1, #number + 1) ~= number .. ':' then return false end
  return tonumber(string.sub(before, #number + 2))
end

local function count_once(marks, number, lasting, count)
  redis.call('HSET', marks, number % 128, number .. ':' .. count)
  redis.call('PEXPIRE', marks, lasting)
  return count
end
