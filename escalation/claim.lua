#!lua flags=allow-oom
-- claim: take due pages for a while. A page whose holder does not come back is due again when the lease ends.
-- KEYS[6] pages [7] page
-- ARGV[5] at most [6] lease ms
-- returns now ms, next ms ('' none), then for each page: key, epoch, attempts, queued ms, record
local now = clock()
local due = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', int(now), 'LIMIT', '0', ARGV[5])
local after = redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
local out = {int(now), after[2] and int(tonumber(after[2])) or ''}
for _, key in ipairs(due) do
  local v = redis.call('HGET', KEYS[7], key)
  local epoch, attempt, n, queued, rest
  if v then epoch, attempt, n, queued, rest = string.match(v, '^(%d+)\31(%d+)\31(%d+)\31(%d+)\31(.*)$') end
  if not epoch then
    redis.call('ZREM', KEYS[6], key)
  else
    epoch, attempt = int(tonumber(epoch) + 1), int(tonumber(attempt) + 1)
    redis.call('HSET', KEYS[7], key, table.concat({epoch, attempt, n, queued, rest}, '\31'))
    redis.call('ZADD', KEYS[6], int(now + tonumber(ARGV[6])), key)
    local record = string.match(rest, '^[^\31]*\31[^\31]*\31(.*)$')
    for _, f in ipairs({key, epoch, attempt, queued, record}) do out[#out + 1] = f end
  end
end
if #due > 0 then commit(now) end
return out
