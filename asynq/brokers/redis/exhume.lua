-- Puts dead letters back into the lanes of their priority, without redeliveries.
-- KEYS 1 mark of this call  2 stream of buried messages  3… lanes of the levels
-- ARGV 1 number of this call, counted by the client  2 milliseconds in which it may be sent again
--      3 how many levels, then the levels in the order of their lanes
--      then for each letter: receipt, '1' when a body follows and '0' when it stays, body
-- Returns how many there were.
-- Atomic: a letter is never in both places, nor in none. It is put back before it is taken away, so
-- that a lane which can't be written loses nothing; and the first write is one that a full server
-- does not refuse.
local before = counted_before(KEYS[1], ARGV[1])
if before then return before end
redis.call('XDEL', KEYS[2], '0-1')
local lanes, levels = {}, tonumber(ARGV[3])
for i = 1, levels do lanes[ARGV[3 + i]] = KEYS[2 + i] end
local count = 0
for i = 4 + levels, #ARGV, 3 do
  local receipt = ARGV[i]
  local entry = redis.call('XRANGE', KEYS[2], receipt, receipt)[1]
  if entry then
    local named = {}
    for k = 1, #entry[2] - 1, 2 do named[entry[2][k]] = entry[2][k + 1] end
    local body = ARGV[i + 1] == '1' and ARGV[i + 2] or named['m'] or ''
    local lane = lanes[named['p'] or '0'] or KEYS[#KEYS]
    redis.call('XADD', lane, '*', 'i', named['i'] or receipt, 'm', body)
    redis.call('XDEL', KEYS[2], receipt)
    count = count + 1
  end
end
return count_once(KEYS[1], ARGV[1], ARGV[2], count)
