#!lua flags=allow-oom
-- stand: something is known of an incident's cards that no lease is needed for: where a page was put, or a press's fresh code. A
-- field that stands already stays unless it is a code.
-- KEYS[6] dirty [7] cards
-- ARGV[5] id [6] field [7] value [8] 1: replace
-- returns ok | there
local now = clock()
if ARGV[8] == '1' then
  redis.call('HSET', KEYS[7], ARGV[6], ARGV[7])
elseif redis.call('HSETNX', KEYS[7], ARGV[6], ARGV[7]) == 0 then
  return 'there'
end
redis.call('ZADD', KEYS[6], 'LT', int(now), ARGV[5])
log('card', ARGV[5])
commit(now)
return 'ok'
