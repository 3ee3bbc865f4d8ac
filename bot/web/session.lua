#!lua flags=allow-oom
-- session: begin, look at, use or end a session. A session ends by itself when it is not used, and however it is used.
-- KEYS[6] session
-- ARGV[5] begin|look|use|end [6] person [7] write 0|1 [8] whole ms [9] idle ms
-- returns person, write of a session that stands, else empty
local now = clock()
local verb, whole, idle = ARGV[5], tonumber(ARGV[8]), tonumber(ARGV[9])
if verb == 'begin' then
  redis.call('HSET', KEYS[6], 'person', ARGV[6], 'write', ARGV[7], 'at', int(now), 'seen', int(now))
  redis.call('PEXPIRE', KEYS[6], ARGV[9])
  commit(now)
  return ARGV[6] .. '\31' .. ARGV[7]
end
local h = redis.call('HMGET', KEYS[6], 'person', 'write', 'at', 'seen')
if not h[1] then return '' end
-- Judged here and not by the key's lifetime alone, so that it holds by the shard's clock.
if verb == 'end' or now - tonumber(h[3]) >= whole or now - tonumber(h[4]) >= idle then
  redis.call('DEL', KEYS[6])
  commit(now)
  return ''
end
-- Once a minute is often enough: a page is not to cost a write.
if verb == 'use' and now - tonumber(h[4]) >= math.min(60000, idle / 4) then
  redis.call('HSET', KEYS[6], 'seen', int(now))
  redis.call('PEXPIRE', KEYS[6], ARGV[9])
  commit(now)
end
return h[1] .. '\31' .. h[2]
