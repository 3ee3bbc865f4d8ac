#!lua flags=allow-oom
-- claim: a worker takes an approved request to run it, for as long as its lease. At most one worker ever gets "ok".
-- KEYS[6..12] as in told.lua [13] runs
-- ARGV[5] digest that was checked [6] worker [7] its ledger [8] lease ms [9] run id
-- returns code, state or epoch: ok and the epoch; late and the state; digest (what is stored changed since it was checked)
local again = seen()
if again then return again end
local now = clock()
if overtaken(now) then
  commit(now)
  return 'late\31' .. redis.call('HGET', KEYS[6], 'state')
end
local h = redis.call('HMGET', KEYS[6], 'state', 'digest', 'id')
if h[1] ~= 'approved' then
  if h[3] then redis.call('ZREM', KEYS[12], h[3]) end
  return 'late\31' .. (h[1] or '')
end
if h[2] ~= ARGV[5] then return 'digest\31' end
local epoch = redis.call('HINCRBY', KEYS[6], 'epoch', 1)
redis.call('HSET', KEYS[6], 'state', 'running', 'started_at', int(now), 'worker', ARGV[6], 'ledger', ARGV[7], 'run_id', ARGV[9],
  'decided_at', int(now))
redis.call('ZREM', KEYS[11], h[3])
redis.call('ZREM', KEYS[12], h[3])
redis.call('ZADD', KEYS[13], int(now + tonumber(ARGV[8])), h[3])
told(now, 'run_started', '', 'system', '{"run":"' .. ARGV[9] .. '"}')
itself(now, 'run')
return finish(now, {'ok', int(epoch)})
