#!lua flags=allow-oom
-- expire: alerts that were not reported for too long count as resolved; the incident closes with its last one.
-- KEYS[6] incident [7] alerts [8] lines [9] open [10] timers [11] dirty
-- ARGV[5] id [6] stale after ms [7] look again at ms ('' if this is not the last part) [8..] fingerprints believed stale
-- returns the number of alerts that were resolved
local now = clock()
local id, stale = ARGV[5], tonumber(ARGV[6])
local h = redis.call('HMGET', KEYS[6], 'state', 'n')
if not h[1] or h[1] == 'resolved' then
  redis.call('ZREM', KEYS[10], 's:' .. id)
  return 0
end
local gone = {}
local firing, others = string.match(h[2] or '0,0,0,0,0,0', '^(%d+)(,.*)$')
firing = tonumber(firing)
for i = 8, #ARGV do
  local v = redis.call('HGET', KEYS[7], ARGV[i])
  if v then
    local st, starts, ends, recv, last = string.match(v, '^(%a)(%d+),(%d+),(%d+),(%d+)')
    if st == 'F' and now - tonumber(last) >= stale then
      redis.call('HSET', KEYS[7], ARGV[i], 'R' .. starts .. ',' .. int(now) .. ',' .. recv .. ',' .. last)
      gone[#gone + 1] = ARGV[i]
      firing = firing - 1
    end
  end
end
if #gone > 0 then
  redis.call('HSET', KEYS[6], 'n', int(firing) .. others)
  redis.call('HINCRBY', KEYS[6], 'ver', 1)
  redis.call('ZADD', KEYS[11], 'LT', int(now), id)
  line(KEYS[8], now, 'alert_resolved', '', 'system', '{"count":' .. #gone .. ',"reason":"not reported any more"}')
end
if #gone > 0 and firing == 0 then
  redis.call('HSET', KEYS[6], 'state', 'resolved', 'resolved_at', int(now), 'resolved_by', '', 'snoozed_until', '')
  redis.call('ZREM', KEYS[9], id)
  redis.call('ZREM', KEYS[10], 'l:' .. id, 's:' .. id)
  line(KEYS[8], now, 'resolved', '', 'system', '{"reason":"no alert was reported any more"}')
  enter(now, '{"do":"incident.resolved","incident":"' .. id .. '","by":"system","via":"system"}', '')
  log('resolved', id)
elseif ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[10], ARGV[7], 's:' .. id)
end
commit(now)
return #gone
