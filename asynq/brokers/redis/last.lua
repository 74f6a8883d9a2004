-- Where something is parked.
-- KEYS zsets
-- ARGV 1 the time (ms since 1970) from which on what waits is parked
-- Returns their places in KEYS. Writes nothing.
-- One call for many queues, because mostly nothing is there.
local places = {}
for i = 1, #KEYS do
  local last = redis.call('ZRANGE', KEYS[i], -1, -1, 'WITHSCORES')[2]
  if last and tonumber(last) >= tonumber(ARGV[1]) then places[#places + 1] = i end
end
return places
