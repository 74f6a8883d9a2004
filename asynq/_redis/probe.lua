-- Which of the commands that we need may not be run here? Tries each where it has no effect.
-- KEYS 1 a key that is not there
-- Returns the names of those that are refused.
-- What they would write goes to that one key, which is deleted after each and at the end.
local key, refused = KEYS[1], {}
local function try(name, ...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    local text = string.lower(answer.err)
    if string.find(text, 'noperm', 1, true) or string.find(text, "can't run this command", 1, true)
      or string.find(text, 'no permissions', 1, true) then
      refused[#refused + 1] = name
    end
  end
end
try('time', 'TIME')
try('exists', 'EXISTS', key)
try('get', 'GET', key)
try('getrange', 'GETRANGE', key, 0, 0)
try('hget', 'HGET', key, 'f')
try('hlen', 'HLEN', key)
try('hmget', 'HMGET', key, 'f')
try('mget', 'MGET', key)
try('pttl', 'PTTL', key)
try('smembers', 'SMEMBERS', key)
try('xinfo|consumers', 'XINFO', 'CONSUMERS', key, 'g')
try('xinfo|groups', 'XINFO', 'GROUPS', key)
try('xinfo|stream', 'XINFO', 'STREAM', key)
try('xlen', 'XLEN', key)
try('xpending', 'XPENDING', key, 'g')
try('xrange', 'XRANGE', key, '-', '+', 'COUNT', 1)
try('xread', 'XREAD', 'COUNT', 1, 'STREAMS', key, '0')
try('xrevrange', 'XREVRANGE', key, '+', '-', 'COUNT', 1)
try('zcard', 'ZCARD', key)
try('zcount', 'ZCOUNT', key, 0, 1)
try('zmscore', 'ZMSCORE', key, 'm')
try('zrange', 'ZRANGE', key, 0, 0)
try('zrangebyscore', 'ZRANGEBYSCORE', key, 0, 1)
try('zscore', 'ZSCORE', key, 'm')
try('hdel', 'HDEL', key, 'f')
try('pexpire', 'PEXPIRE', key, 1)
try('pexpireat', 'PEXPIREAT', key, 1)
try('unlink', 'UNLINK', key)
try('xadd', 'XADD', key, 'NOMKSTREAM', '*', 'f', 'v')
try('zadd', 'ZADD', key, 'XX', 0, 'm')
try('zrem', 'ZREM', key, 'm')
try('zremrangebyscore', 'ZREMRANGEBYSCORE', key, 0, 1)
try('srem', 'SREM', key, 'm')
try('xack', 'XACK', key, 'g', '0-1')
try('xclaim', 'XCLAIM', key, 'g', 'c', 0, '0-1')
try('xdel', 'XDEL', key, '0-1')
try('xgroup|create', 'XGROUP', 'CREATE', key, 'g', '0')
try('xgroup|delconsumer', 'XGROUP', 'DELCONSUMER', key, 'g', 'c')
try('xreadgroup', 'XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', key, '>')
try('xtrim', 'XTRIM', key, 'MAXLEN', 1000)
-- These have no form without an effect: what they wrote is taken away again.
try('hset', 'HSET', key, 'f', 'v')
redis.pcall('UNLINK', key)
try('hsetnx', 'HSETNX', key, 'f', 'v')
redis.pcall('UNLINK', key)
try('sadd', 'SADD', key, 'm')
redis.pcall('UNLINK', key)
try('set', 'SET', key, 'v', 'PX', 1)
redis.pcall('UNLINK', key)
return refused
