#!lua
-- request: keep a new request with everything that would run.
-- KEYS[6..12] as in told.lua [13] all requests [14] the incident's requests
-- ARGV[5] id [6] incident or '' [7] expires at ms [8] person [9] via [10] data of the line [11] '1' if it needs no consent
--   [12..] fields of the request
-- returns code, id: ok; missing (no such incident); closed (the incident is resolved)
local again = seen()
if again then return again end
local now = clock()
local id, incident = ARGV[5], ARGV[6]
if incident ~= '' then
  local state = redis.call('HGET', KEYS[8], 'state')
  if not state then return 'missing\31' end
  if state == 'resolved' then return 'closed\31' end
end
local stamp, set = int(now), {}
for i = 12, #ARGV do set[#set + 1] = ARGV[i] end
redis.call('HSET', KEYS[6], 'id', id, 'incident', incident, 'created_at', stamp, 'expires_at', ARGV[7], 'state', 'pending',
  'approvals', '', 'epoch', '0', 'ver', '0', unpack(set))
redis.call('ZADD', KEYS[13], stamp, id)
redis.call('ZADD', KEYS[11], ARGV[7], id)
if incident ~= '' then redis.call('ZADD', KEYS[14], stamp, id) end
told(now, 'request_created', ARGV[8], ARGV[9], ARGV[10])
audit(now)
if ARGV[11] == '1' then
  redis.call('HSET', KEYS[6], 'state', 'approved', 'decided_by', '', 'decided_at', stamp)
  redis.call('ZADD', KEYS[12], stamp, id)
  told(now, 'request_approved', '', 'system', '{"consent":"none needed"}')
end
return finish(now, {'ok', id})
