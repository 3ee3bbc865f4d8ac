#!lua flags=allow-oom
-- lapse: a request whose time may be over. Idempotent by content.
-- KEYS[6..12] as in told.lua   ARGV[5] id
-- returns the state it has now, '' if there is no such request
local now = clock()
local state, due = unpack(redis.call('HMGET', KEYS[6], 'state', 'expires_at'))
if overtaken(now) then
  commit(now)
elseif state == 'pending' or state == 'approved' then
  redis.call('ZADD', KEYS[11], due, ARGV[5])
else
  redis.call('ZREM', KEYS[11], ARGV[5])
end
return redis.call('HGET', KEYS[6], 'state') or ''
