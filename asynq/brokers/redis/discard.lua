-- Throws all dead letters of a queue away.
-- KEYS 1 stream of buried messages
-- Returns how many there were. Atomic: what is buried meanwhile is counted or kept.
local count = redis.call('XLEN', KEYS[1])
redis.call('UNLINK', KEYS[1])
return count
