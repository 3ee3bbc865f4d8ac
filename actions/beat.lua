#!lua flags=allow-oom
-- beat: a worker says that it still has its run. A lease that ran out lives again unless somebody acted on it.
-- KEYS[6] request [7] runs   ARGV[5] epoch [6] lease ms
-- returns code, who asked to cancel: ok; lost (it is no longer this worker's)
local now = clock()
local h = redis.call('HMGET', KEYS[6], 'state', 'epoch', 'cancel_by', 'id')
if h[1] ~= 'running' or h[2] ~= ARGV[5] then return 'lost\31' end
redis.call('ZADD', KEYS[7], int(now + tonumber(ARGV[6])), h[4])
commit(now)
return 'ok\31' .. (h[3] or '')
