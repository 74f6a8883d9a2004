-- When the first message of each delayed store is due.
-- KEYS zsets
-- Returns for each of them ms since 1970, '' where nothing is. Writes nothing.
-- One call for many queues, because mostly nothing is there, and it is asked all the time.
local due = {}
for i = 1, #KEYS do
  due[i] = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2] or ''
end
return due
