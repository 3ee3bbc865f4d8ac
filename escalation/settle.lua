#!lua flags=allow-oom
-- settle: what became of a claimed page. Only the holder of the latest claim may say.
-- KEYS[6] pages [7] page [8] incident [9] lines [10] dirty
-- ARGV[5] key [6] epoch [7] sent|failed|dropped|later [8] id [9] due again ms from now (later) [10] history line's kind or '' [11] its data
-- returns ok | stale
local now = clock()
local key = ARGV[5]
local v = redis.call('HGET', KEYS[7], key)
if not v then return 'stale' end
local epoch, attempt, n, queued, before, after, record = string.match(v, '^(%d+)\31(%d+)\31(%d+)\31(%d+)\31([^\31]*)\31([^\31]*)\31(.*)$')
if epoch ~= ARGV[6] then return 'stale' end
if ARGV[7] == 'later' then
  redis.call('ZADD', KEYS[6], int(now + tonumber(ARGV[9])), key)
else
  redis.call('ZREM', KEYS[6], key)
  redis.call('HDEL', KEYS[7], key)
  local old = redis.call('LINDEX', KEYS[9], tonumber(n) - 1)
  local at = old and string.match(old, '^(%d+)\31page\31')
  if at and ARGV[7] ~= 'dropped' then
    redis.call('LSET', KEYS[9], tonumber(n) - 1, table.concat({at, 'page', '', 'system', before .. '"' .. ARGV[7] .. '"' .. after}, '\31'))
  end
end
if ARGV[10] ~= '' then
  line(KEYS[9], now, ARGV[10], '', 'system', ARGV[11])
  log(ARGV[10], ARGV[8])
end
if ARGV[7] ~= 'later' and redis.call('EXISTS', KEYS[8]) == 1 then
  redis.call('HINCRBY', KEYS[8], 'ver', 1)
  redis.call('ZADD', KEYS[10], 'NX', int(now + 500), ARGV[8])
end
commit(now)
return 'ok'
