#!lua flags=allow-oom
-- summon: page a person about an incident because somebody asks for it, beside any ladder.
-- KEYS[6] incident [7] lines [8] dirty [9] pages [10] page
-- ARGV[5] id [6] asking person [7] via; then pages as in step.lua: key, JSON before and after the state, record
-- returns ok | missing
local again = seen()
if again then return again end
local now = clock()
if redis.call('EXISTS', KEYS[6]) == 0 then return 'missing' end
for p = 7, #ARGV - 1, 4 do
  local key, before, after, record = ARGV[p + 1], ARGV[p + 2], ARGV[p + 3], ARGV[p + 4]
  local n = line(KEYS[7], now, 'page', ARGV[6], ARGV[7], before .. '"queued"' .. after)
  redis.call('ZADD', KEYS[9], int(now), key)
  redis.call('HSET', KEYS[10], key, '0\31' .. '0\31' .. int(n) .. '\31' .. int(now) .. '\31' .. before .. '\31' .. after .. '\31' .. record)
end
redis.call('HINCRBY', KEYS[6], 'ver', 1)
redis.call('ZADD', KEYS[8], 'LT', int(now), ARGV[5])
audit(now)
log('page', ARGV[5])
return finish(now, {'ok'})
