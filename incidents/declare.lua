#!lua
-- declare: begin an incident by hand.
-- KEYS[6] incident [7] lines [8] open [9] timers [10] dirty [11] created [12] numbers
-- ARGV[5] id [6] number [7] person [8] via [9] data (JSON) [10] policy [11] fields (each closed by \31)
-- returns ok, id, number
local again = seen()
if again then return again end
local now = clock()
local id, stamp = ARGV[5], int(now)
local f = {}
for v in string.gmatch(ARGV[11], '([^\31]*)\31') do f[#f + 1] = v end
redis.call('HSET', KEYS[6], 'id', id, 'number', ARGV[6], 'created_at', stamp, 'state', 'triggered', 'n', '0,0,0,0,0,0', unpack(f))
redis.call('ZADD', KEYS[8], stamp, id)
redis.call('ZADD', KEYS[11], stamp, id)
redis.call('HSET', KEYS[12], ARGV[6], id)
if ARGV[10] ~= '' then redis.call('ZADD', KEYS[9], stamp, 'l:' .. id) end
redis.call('ZADD', KEYS[10], stamp, id)
line(KEYS[7], now, 'opened', ARGV[7], ARGV[8], ARGV[9])
audit(now)
log('opened', id)
return finish(now, {'ok', id, ARGV[6]})
