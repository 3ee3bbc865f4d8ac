#!lua flags=no-writes
-- due: the timers that are due, and when the next one is.
-- KEYS[6] timers
-- ARGV[5] at most
-- returns now ms, next ms ('' none), then for each due timer: member, its time
local now = clock()
local due = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', int(now), 'WITHSCORES', 'LIMIT', '0', ARGV[5])
local out = {int(now), ''}
local after = redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
if after[2] then out[2] = int(tonumber(after[2])) end
for i = 1, #due, 2 do
  out[#out + 1] = due[i]
  out[#out + 1] = int(tonumber(due[i + 1]))
end
return out
