#!lua flags=allow-oom
-- claim: one replica draws an incident's cards for the time of a lease.
-- KEYS[6] dirty [7] leases [8] incident [9] cards
-- ARGV[5] id [6] lease ms
-- returns what, now ms, then
--   none | early: nothing to do (early: when it is due, ms)
--   busy: somebody else holds it; when that lease ends, ms. It is due again then
--   ok: epoch, the incident's version, then the cards' fields and values in turn. Every channel without a card is marked as being sent to, under this epoch, so
--     that whoever comes after a crash knows that a message may be there
local now = clock()
local id = ARGV[5]
local due = redis.call('ZSCORE', KEYS[6], id)
if not due then return {'none', int(now)} end
if tonumber(due) > now then return {'early', int(now), int(tonumber(due))} end
local held = redis.call('HGET', KEYS[7], id)
local till = held and tonumber(string.match(held, ',(%d+)$') or '0') or 0
if till > now then
  redis.call('ZADD', KEYS[6], 'XX', int(till), id)
  commit(now)
  return {'busy', int(now), int(till)}
end
local h = redis.call('HMGET', KEYS[8], 'ver', 'channels')
if not h[1] then
  redis.call('ZREM', KEYS[6], id)
  redis.call('HDEL', KEYS[7], id)
  commit(now)
  return {'none', int(now)}
end
local epoch = int(redis.call('HINCRBY', KEYS[7], '', 1))
till = int(now + tonumber(ARGV[6]))
redis.call('HSET', KEYS[7], id, epoch .. ',' .. till)
redis.call('ZADD', KEYS[6], till, id)
for a in string.gmatch(h[2] or '', '[^\n]+') do
  redis.call('HSETNX', KEYS[9], a, '{"g":1,"s":' .. int(now) .. ',"e":' .. epoch .. '}')
end
commit(now)
local out = {'ok', int(now), epoch, h[1]}
for _, v in ipairs(redis.call('HGETALL', KEYS[9])) do out[#out + 1] = v end
return out
