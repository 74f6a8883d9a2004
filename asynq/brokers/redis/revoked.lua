-- Which of some tasks are revoked.
-- KEYS 1 revoked  2 terminated
-- ARGV ids
-- Returns a text with a sign for each id: '0' no, '1' revoked, '2' to be ended where it runs too.
-- Writes nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then return string.rep('0', #ARGV) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local signs = {}
for i, id in ipairs(ARGV) do
  local sign = '0'
  if tonumber(redis.call('ZSCORE', KEYS[1], id) or 0) > now then
    sign = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0) > now and '2' or '1'
  end
  signs[i] = sign
end
return table.concat(signs)
