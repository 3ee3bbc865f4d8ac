#!lua flags=allow-oom
-- forget: the timer of an incident that is not there goes.
-- KEYS[6] timers [7] incident
-- ARGV[5] member
-- returns ok | gone
if redis.call('EXISTS', KEYS[7]) == 1 then return 'gone' end
redis.call('ZREM', KEYS[6], ARGV[5])
commit(clock())
return 'ok'
