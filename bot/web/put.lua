#!lua flags=allow-oom
-- put: keep a message of a feed or inbox, or change one that stands. The oldest beyond a number go.
-- KEYS[6] messages (id -> changed at ms, JSON) [7] their order (id by ms)
-- ARGV[5] id [6] JSON [7] send|edit [8] at most [9] address
-- returns ok | gone
local now = clock()
local id = ARGV[5]
local known = redis.call('HEXISTS', KEYS[6], id) == 1
if ARGV[7] == 'edit' and not known then return 'gone' end
redis.call('HSET', KEYS[6], id, int(now) .. ' ' .. ARGV[6])
if not known then
  -- Messages of one millisecond keep their order: each is a little after the one before (a fraction that a double holds exactly).
  local last = redis.call('ZRANGE', KEYS[7], '-1', '-1', 'WITHSCORES')
  local at = now
  if last[2] and tonumber(last[2]) >= at then at = tonumber(last[2]) + 1 / 1024 end
  redis.call('ZADD', KEYS[7], string.format('%.17g', at), id)
  local over = redis.call('ZCARD', KEYS[7]) - tonumber(ARGV[8])
  if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', KEYS[7], '0', int(math.min(over, 100) - 1))) do
      redis.call('ZREM', KEYS[7], old)
      redis.call('HDEL', KEYS[6], old)
    end
  end
end
log('card', ARGV[9])
commit(now)
return 'ok'
