#!lua flags=allow-oom
-- finish: a run has ended, or is given up. Idempotent by content: a final state never changes.
-- KEYS[6..12] as in told.lua [13] runs [14] output
-- ARGV[5] epoch [6] state [7] kind of the line [8] data [9] '1': only if the lease is over [10..] fields
-- returns code, state: ok; late (it is final already, or somebody else's); leased (it is not to be given up yet)
local now = clock()
local h = redis.call('HMGET', KEYS[6], 'state', 'epoch', 'id', 'reported', 'cancel_by')
if not h[1] then return 'late\31' end
if h[1] ~= 'running' or h[2] ~= ARGV[5] then
  -- A worker that was given up for lost comes back: what it knows is worth a line, once.
  if h[1] == 'unknown' and h[2] == ARGV[5] and ARGV[9] ~= '1' and ARGV[6] ~= 'unknown' and not h[4] then
    redis.call('HSET', KEYS[6], 'reported', ARGV[6])
    told(now, 'run_reported', '', 'system', ARGV[8])
    itself(now, 'reported')
    commit(now)
  end
  return 'late\31' .. h[1]
end
if ARGV[9] == '1' then
  local lease = redis.call('ZSCORE', KEYS[13], h[3])
  if lease and tonumber(lease) > now then return 'leased\31running' end
end
local set = {}
for i = 10, #ARGV do set[#set + 1] = ARGV[i] end
local by = ARGV[6] == 'cancelled' and h[5] or ''
redis.call('HSET', KEYS[6], 'state', ARGV[6], 'ended_at', int(now), 'decided_at', int(now), 'decided_by', by, unpack(set))
redis.call('ZREM', KEYS[13], h[3])
redis.call('XADD', KEYS[14], '*', 'e', ARGV[6])
told(now, ARGV[7], by, 'system', ARGV[8])
itself(now, ARGV[6])
commit(now)
return 'ok\31' .. ARGV[6]
