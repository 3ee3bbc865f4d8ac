#!lua flags=allow-oom
-- settle: write where cards stand, and end or prolong the lease. Only the holder of the latest claim may: a holder that slept through its
-- lease is told so and changes nothing.
-- KEYS[6] dirty [7] leases [8] incident [9] cards
-- ARGV[5] id [6] epoch [7] keep|done [8] version drawn [9] loud part drawn [10] due again ms ('' not) [11] lease ms [12] pace ms
--   then pairs: field, value ('' deletes it)
-- returns ok | stale
local now = clock()
local id = ARGV[5]
local held = redis.call('HGET', KEYS[7], id)
if not held or string.match(held, '^(%d+),') ~= ARGV[6] then return 'stale' end
for i = 13, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[9], ARGV[i]) else redis.call('HSET', KEYS[9], ARGV[i], ARGV[i + 1]) end
end
if ARGV[7] == 'keep' then
  local till = int(now + tonumber(ARGV[11]))
  redis.call('HSET', KEYS[7], id, ARGV[6] .. ',' .. till)
  redis.call('ZADD', KEYS[6], till, id)
  commit(now)
  return 'ok'
end
redis.call('HDEL', KEYS[7], id)
local h = redis.call('HMGET', KEYS[8], 'ver', 'state', 'acknowledged_by', 'severity', 'snoozed_until')
local due = ARGV[10] ~= '' and tonumber(ARGV[10]) or nil
if h[1] and h[1] ~= ARGV[8] then
  -- It changed while it was drawn: a change of state is drawn at once, anything else at its pace, or a storm would keep us busy.
  local loud = table.concat({h[2] or '', h[3] or '', h[4] or '', h[5] or ''}, '|')
  local again = now + tonumber(ARGV[12])
  if loud ~= ARGV[9] then again = now end
  if not due or again < due then due = again end
end
if due then redis.call('ZADD', KEYS[6], int(math.max(due, now)), id) else redis.call('ZREM', KEYS[6], id) end
commit(now)
return 'ok'
