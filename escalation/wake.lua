#!lua flags=allow-oom
-- wake: a snooze has ended: the incident is triggered again and its ladder starts anew, now.
-- KEYS[6] incident [7] lines [8] timers [9] dirty
-- ARGV[5] id [6] timer as read (ms)
-- returns ok | gone
local now = clock()
local id = ARGV[5]
local score = redis.call('ZSCORE', KEYS[8], 'l:' .. id)
if not score or int(tonumber(score)) ~= ARGV[6] then return 'gone' end
local h = redis.call('HMGET', KEYS[6], 'state', 'snoozed_until', 'policy')
if not h[1] or h[1] == 'resolved' or not h[2] or h[2] == '' or tonumber(h[2]) > now then return 'gone' end
redis.call('HSET', KEYS[6], 'state', 'triggered', 'snoozed_until', '', 'acknowledged_at', '', 'acknowledged_by', '', 'step', '-1', 'round', '0', 'reached', '0', 'ended', '')
redis.call('HINCRBY', KEYS[6], 'ver', 1)
if h[3] and h[3] ~= '' then redis.call('ZADD', KEYS[8], int(now), 'l:' .. id) else redis.call('ZREM', KEYS[8], 'l:' .. id) end
redis.call('ZADD', KEYS[9], 'LT', int(now), id)
line(KEYS[7], now, 'snoozed', '', 'system', '{"ended":true}')
enter(now, '{"do":"incident.unsnoozed","incident":"' .. id .. '","by":"system","via":"system"}', '')
log('unsnoozed', id)
commit(now)
return 'ok'
