-- What keeps the entries of periodic tasks. Each is one hash, its key is that of their names and
-- its own name:
--   o  whose code declares it, '' for nobody's     r  says when          d  what it is
--   v  its revision                                p  1 while it is paused
--   a  when it was first seen                      l  the last slot that is done with
--   f  when something was last sent, or ''         n  how often         i  the id of what was
-- Their keys can't be declared where they are looked for; they have the namespace's tag, as all.
-- Times are milliseconds since 1970.
local function server_time()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function number(value)
  return string.format('%.0f', value)
end

-- changed: the entries are others from now on. Called before anything else is written: a full
-- server refuses it, and so all of it. The version is when the first entry came, and how many
-- changes there were: a server that has lost its data begins another.
local function changed(version, now)
  local began, count = string.match(redis.call('GET', version) or '', '^(%d+)-(%d+)$')
  redis.call('SET', version, (began or number(now)) .. '-' .. number((count or 0) + 1))
end

-- differs: would write do anything?
local function differs(names, name, rule, definition)
  local known = redis.call('HMGET', names .. ':' .. name, 'r', 'd')
  return known[1] ~= rule or known[2] ~= definition
end

-- write: lets an entry be this from now on.
local function write(names, now, name, owner, rule, definition)
  local entry = names .. ':' .. name
  local known = redis.call('HMGET', entry, 'r', 'l', 'v')
  if not known[1] then
    redis.call('HSET', entry, 'o', owner, 'r', rule, 'd', definition, 'v', '1', 'p', '',
      'a', number(now), 'l', number(now), 'f', '', 'n', '0', 'i', '')
    redis.call('ZADD', names, number(now), name)
    return
  end
  local last = known[2]
  if known[1] ~= rule then last = number(math.max(last, now)) end
  redis.call('HSET', entry, 'o', owner, 'r', rule, 'd', definition, 'l', last,
    'v', number(known[3] + 1))
end

local function forget(names, name)
  redis.call('ZREM', names, name)
  redis.call('UNLINK', names .. ':' .. name)
end
