#!lua flags=allow-oom
-- mend: make the timer anew of an open incident that has lost it.
-- KEYS[6] incident [7] timers [8] open
-- ARGV[5] id [6] stale after ms (0: never)
-- returns the timers that were made: '', 'l', 's', 'ls'
local now = clock()
local id, made = ARGV[5], ''
local h = redis.call('HMGET', KEYS[6], 'state', 'policy', 'ended', 'snoozed_until', 'n')
if not h[1] or h[1] == 'resolved' then
  redis.call('ZREM', KEYS[8], id)
  redis.call('ZREM', KEYS[7], 'l:' .. id, 's:' .. id)
  commit(now)
  return ''
end
local snoozed = h[4] and h[4] ~= ''
if (snoozed or (h[1] == 'triggered' and h[2] and h[2] ~= '' and h[3] ~= '1')) and not redis.call('ZSCORE', KEYS[7], 'l:' .. id) then
  redis.call('ZADD', KEYS[7], snoozed and h[4] or int(now), 'l:' .. id)
  made = 'l'
end
if tonumber(ARGV[6]) > 0 and tonumber(string.match(h[5] or '0', '^%d+') or 0) > 0 and not redis.call('ZSCORE', KEYS[7], 's:' .. id) then
  redis.call('ZADD', KEYS[7], int(now + tonumber(ARGV[6])), 's:' .. id)
  made = made .. 's'
end
if made ~= '' then commit(now) end
return made
