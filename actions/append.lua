#!lua
-- append: a piece of a run's output. A repeat is known by its offset.
-- KEYS[6] request [7] output   ARGV[5] epoch [6] offset of the piece [7] offset after it [8] text [9..] entries to drop
-- returns code, entry: ok; same; lost (the run is no longer this worker's)
local now = clock()
local h = redis.call('HMGET', KEYS[6], 'state', 'epoch', 'out_at')
if h[1] ~= 'running' or h[2] ~= ARGV[5] then return 'lost\31' end
if h[3] and tonumber(h[3]) >= tonumber(ARGV[7]) then return 'same\31' end
for i = 9, #ARGV do redis.call('XDEL', KEYS[7], ARGV[i]) end
local entry = redis.call('XADD', KEYS[7], '*', 'o', ARGV[6], 't', ARGV[8])
redis.call('HSET', KEYS[6], 'out_at', ARGV[7])
commit(now)
return 'ok\31' .. entry
