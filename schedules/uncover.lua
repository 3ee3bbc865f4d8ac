#!lua flags=allow-oom
-- uncover: remove an override.
-- KEYS[6] overrides
-- ARGV[5] schedule [6] id
-- returns ok | gone
local again = seen()
if again then return again end
if redis.call('HEXISTS', KEYS[6], ARGV[6]) == 0 then return 'gone' end
local now = clock()
redis.call('HDEL', KEYS[6], ARGV[6])
audit(now)
log('override', ARGV[5])
return finish(now, {'ok'})
