-- told: what every change of a request writes; put between the prelude and the script's own lines by script.go.
-- KEYS[6] request [7] its lines [8] incident [9] incident's lines [10] dirty incidents [11] due [12] ready
-- (8 to 10 are touched only when the request has an incident)

-- told: history line of the request and of its incident, both to be drawn anew, followers woken.
local function told(now, kind, person, via, data)
  local r = redis.call('HMGET', KEYS[6], 'id', 'incident', 'action')
  local stamp = int(now)
  line(KEYS[7], now, kind, person, via, data)
  redis.call('HINCRBY', KEYS[6], 'ver', 1)
  if r[2] and r[2] ~= '' and redis.call('EXISTS', KEYS[8]) == 1 then
    local more = data == '{}' and '}' or ',' .. string.sub(data, 2)
    line(KEYS[9], now, kind, person, via, '{"request":"' .. r[1] .. '","action":"' .. r[3] .. '"' .. more)
    redis.call('HINCRBY', KEYS[8], 'ver', 1)
    redis.call('ZADD', KEYS[10], 'LT', stamp, r[2])
  end
  log(kind, r[1])
end

-- itself: the audit entry of what no person decided.
local function itself(now, verb)
  enter(now, '{"by":"","do":"request.' .. verb .. '","request":"' .. redis.call('HGET', KEYS[6], 'id') .. '","via":"system"}', '')
end

-- close: the end of a request that does not run.
local function close(now, state, kind, person, via, data, why)
  local id = redis.call('HGET', KEYS[6], 'id')
  redis.call('HSET', KEYS[6], 'state', state, 'decided_by', person, 'decided_at', int(now), 'ended_at', int(now), 'why', why)
  redis.call('ZREM', KEYS[11], id)
  redis.call('ZREM', KEYS[12], id)
  told(now, kind, person, via, data)
end

-- overtaken: before anything is decided: a request whose time is over, or whose incident is resolved, ends here and now.
local function overtaken(now)
  local h = redis.call('HMGET', KEYS[6], 'state', 'expires_at', 'incident')
  if h[1] ~= 'pending' and h[1] ~= 'approved' then return false end
  if now >= tonumber(h[2]) then
    close(now, 'expired', 'request_expired', '', 'system', '{}', '')
    itself(now, 'expired')
    return true
  end
  if h[3] and h[3] ~= '' and redis.call('HGET', KEYS[8], 'state') == 'resolved' then
    close(now, 'cancelled', 'request_withdrawn', '', 'system', '{}', 'why_resolved')
    itself(now, 'withdrawn')
    return true
  end
  return false
end

-- stands: code, and where the request stands and who brought it there.
local function stands(code)
  local h = redis.call('HMGET', KEYS[6], 'state', 'decided_by', 'decided_at')
  return {code, h[1], h[2] or '', h[3] or ''}
end
