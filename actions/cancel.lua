#!lua flags=allow-oom
-- cancel: a request is taken back: by a person, with its incident, or because it is void. A running one is asked to stop.
-- KEYS[6..12] as in told.lua
-- ARGV[5] kind of the line (request_cancelled, request_withdrawn, request_void) [6] person or '' [7] via [8] data [9] why or ''
-- returns code, state, who, when: ok; asked (it runs; its worker will stop it); same; late; missing
local again = seen()
if again then return again end
local now = clock()
local h = redis.call('HMGET', KEYS[6], 'state', 'decided_by', 'cancel_by')
local state, person = h[1], ARGV[6]
if not state then return 'missing\31\31\31' end
if state == 'running' and person ~= '' then
  if h[3] and h[3] ~= '' then return table.concat(stands('asked'), '\31') end
  redis.call('HSET', KEYS[6], 'cancel_by', person, 'cancel_at', int(now))
  told(now, 'run_cancel_asked', person, ARGV[7], ARGV[8])
  audit(now)
  return finish(now, stands('asked'))
end
if state == 'cancelled' and h[2] == person then return table.concat(stands('same'), '\31') end
if state ~= 'pending' and state ~= 'approved' then return table.concat(stands('late'), '\31') end
if overtaken(now) then
  local code = redis.call('HGET', KEYS[6], 'why') == ARGV[9] and person == '' and 'ok' or 'late'
  return finish(now, stands(code))
end
close(now, 'cancelled', ARGV[5], person, ARGV[7], ARGV[8], ARGV[9])
audit(now)
return finish(now, stands('ok'))
