-- Says something to everybody who listens.
-- KEYS 1 stream of what was said
-- ARGV 1 a name of this saying, so that it is known when it was sent twice  2 what is said
--      3 milliseconds that the stream is kept
-- Returns 1. One script, so that no stream is without an end. The first write is one that a full
-- server does not refuse.
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1000, '*', 'n', ARGV[1], 'b', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
