-- Moves what is parked in a queue to its lanes, but for what is to stay.
-- KEYS 1 zset  2 hash  3… lanes of the levels
-- ARGV 1 limit  2 the time (ms since 1970) from which on what waits is parked
--      3 how many times of parked messages follow that stay, then those, ascending
--      then the levels, in the order of their lanes
-- Returns how many were moved; as many as the limit: there may be more.
-- Atomic: whoever else moves sees a message either parked or in its lane.
local lanes, room, moved = {}, tonumber(ARGV[1]), 0
local stay = tonumber(ARGV[3])
for i = 4 + stay, #ARGV do lanes[ARGV[i]] = KEYS[i - stay - 1] end
local from = ARGV[2]
for i = 4, 4 + stay do
  local to = i < 4 + stay and '(' .. ARGV[i] or '+inf'
  if moved < room then
    local ids = redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'LIMIT', 0, room - moved)
    ripen(KEYS[1], KEYS[2], ids, lanes, KEYS[#KEYS])
    moved = moved + #ids
  end
  from = '(' .. (ARGV[i] or '')
end
return moved
