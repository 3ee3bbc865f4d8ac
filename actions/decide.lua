#!lua flags=allow-oom
-- decide: one person approves or rejects. Who may was judged just before; when is judged here, by the server's clock.
-- KEYS[6..12] as in told.lua
-- ARGV[5] approve|reject [6] person [7] via [8] data of the line [9] digest that the person saw, or '' [10] audit entry of a
--   decision that came too late [11] its SHA-256 [12] seal of the approval, or ''
-- returns code, state, who, when: ok; same (this person did it already); late; digest (it is not what the person saw);
--   own (four eyes); missing
local again = seen()
if again then return again end
local now = clock()
local h = redis.call('HMGET', KEYS[6], 'state', 'digest', 'approvals', 'quorum', 'requester', 'four_eyes', 'id', 'decided_by')
if not h[1] then return 'missing\31\31\31' end
local verb, person, via = ARGV[5], ARGV[6], ARGV[7]
local have, before = 1, false
for who in string.gmatch(h[3] or '', '([^\30\n]+)\30[^\n]*') do
  have = have + 1
  if who == person then before = true end
end

-- The first decision wins; the second is still entered, since somebody meant it.
local function late()
  enter(now, ARGV[10], ARGV[11])
  return finish(now, stands('late'))
end

if verb == 'approve' and before and h[1] ~= 'rejected' then return table.concat(stands('same'), '\31') end
if verb == 'reject' and h[1] == 'rejected' and h[8] == person then return table.concat(stands('same'), '\31') end
if h[1] ~= 'pending' or overtaken(now) then return late() end
if ARGV[9] ~= '' and ARGV[9] ~= h[2] then return table.concat(stands('digest'), '\31') end
if verb == 'reject' then
  close(now, 'rejected', 'request_rejected', person, via, ARGV[8], '')
  audit(now)
  return finish(now, stands('ok'))
end
if h[6] ~= '0' and h[5] == person then return table.concat(stands('own'), '\31') end
redis.call('HSET', KEYS[6], 'approvals', (h[3] or '') .. person .. '\30' .. via .. '\30' .. int(now) .. '\30' .. ARGV[12] .. '\n')
audit(now)
if have < tonumber(h[4]) then
  told(now, 'request_approval', person, via, '{"have":' .. have .. ',"quorum":' .. h[4] .. '}')
  return finish(now, stands('ok'))
end
redis.call('HSET', KEYS[6], 'state', 'approved', 'decided_by', person, 'decided_at', int(now))
redis.call('ZADD', KEYS[12], int(now), h[7])
told(now, 'request_approved', person, via, ARGV[8])
return finish(now, stands('ok'))
