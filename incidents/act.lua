#!lua flags=allow-oom
-- act: what a person does to an incident, with its history line, audit entry, timer and redrawing.
-- KEYS[6] incident [7] lines [8] open [9] timers [10] dirty
-- ARGV[5] verb [6] person [7] via [8] data (JSON for the line) [9] argument: until ms (snooze), person (assign)
-- returns code, state, who, when: code ok (done), same (this person had done it already), late (somebody else was first or
--   the state does not allow it; who and when say who brought it there), missing
local again = seen()
if again then return again end
local now = clock()
local id = redis.call('HGET', KEYS[6], 'id')
if not id then return 'missing\31\31\31' end
local verb, person, via, data, arg = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local h = redis.call('HMGET', KEYS[6], 'state', 'acknowledged_by', 'acknowledged_at', 'resolved_by', 'resolved_at', 'policy', 'assignees', 'step', 'created_at')
local state, stamp = h[1], int(now)
local ladder = 'l:' .. id

local function refuse(who, at)
  return table.concat({who == person and person ~= '' and 'same' or 'late', state, who or '', at or ''}, '\31')
end
local function done(kind, set)
  if set then redis.call('HSET', KEYS[6], unpack(set)) end
  redis.call('HINCRBY', KEYS[6], 'ver', 1)
  redis.call('ZADD', KEYS[10], 'LT', stamp, id)
  line(KEYS[7], now, kind, person, via, data)
  audit(now)
  log(kind, id)
  return finish(now, {'ok', redis.call('HGET', KEYS[6], 'state'), person, stamp})
end
local function assigned(who)
  local list = {}
  for a in string.gmatch(h[7] or '', '[^\n]+') do
    if a ~= who then list[#list + 1] = a end
  end
  list[#list + 1] = who
  return table.concat(list, '\n')
end
local function page_again(at)
  if h[6] and h[6] ~= '' then redis.call('ZADD', KEYS[9], int(at), ladder) end
end

if verb == 'note' then return done('note') end
if verb == 'reopen' then
  if state ~= 'resolved' then return refuse('', h[9]) end
  redis.call('ZADD', KEYS[8], h[9], id)
  page_again(now)
  return done('reopened', {'state', 'triggered', 'resolved_at', '', 'resolved_by', '', 'acknowledged_at', '', 'acknowledged_by', '',
    'snoozed_until', '', 'step', '-1', 'round', '0', 'reached', '0', 'ended', ''})
end
if state == 'resolved' then
  if verb == 'resolve' then return refuse(h[4], h[5]) end
  return table.concat({'late', state, h[4] or '', h[5] or ''}, '\31')
end
if verb == 'acknowledge' then
  if state == 'acknowledged' then return refuse(h[2], h[3]) end
  redis.call('ZREM', KEYS[9], ladder)
  return done('acknowledged', {'state', 'acknowledged', 'acknowledged_at', stamp, 'acknowledged_by', person, 'assignees', assigned(person), 'snoozed_until', ''})
elseif verb == 'resolve' then
  redis.call('ZREM', KEYS[8], id)
  redis.call('ZREM', KEYS[9], ladder, 's:' .. id)
  return done('resolved', {'state', 'resolved', 'resolved_at', stamp, 'resolved_by', person, 'snoozed_until', ''})
elseif verb == 'snooze' then
  if tonumber(arg) <= now then return 'past\31' .. state .. '\31\31' end
  redis.call('ZADD', KEYS[9], arg, ladder)
  return done('snoozed', {'snoozed_until', arg})
elseif verb == 'assign' then
  return done('assigned', {'assignees', assigned(arg)})
elseif verb == 'escalate' then
  if not h[6] or h[6] == '' then return 'nopolicy\31' .. state .. '\31\31' end
  page_again(now)
  -- A ladder that has not begun, or has ended, starts at its first step, without that step's wait.
  local step = h[8]
  if not step or step == '-1' then step = '0' end
  return done('escalated', {'state', 'triggered', 'acknowledged_at', '', 'acknowledged_by', '', 'snoozed_until', '', 'step', step, 'ended', ''})
end
error('act: unknown verb ' .. verb)
