-- Gives the lease of who fires first back.
-- KEYS 1 the lease  ARGV 1 token of who has it
-- Returns 1, or 0 where it is another's. Atomic, so that nobody else's is given back.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
return 1
