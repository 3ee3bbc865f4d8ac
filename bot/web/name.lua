#!lua flags=allow-oom
-- name: remember that a feed exists. Those unused for longest beyond a number are forgotten.
-- KEYS[6] feeds (name by ms of its latest message)
-- ARGV[5] name [6] at most
-- returns ok
local now = clock()
redis.call('ZADD', KEYS[6], int(now), ARGV[5])
redis.call('ZREMRANGEBYRANK', KEYS[6], '0', '-' .. int(tonumber(ARGV[6]) + 1))
commit(now)
return 'ok'
