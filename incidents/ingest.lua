#!lua
-- ingest: take the reports of one body that belong to this shard: dedupe, merge, number, history, first timer.
-- KEYS[6] groups [7] open [8] created [9] numbers [10] prints [11] timers [12] dirty; then 4 a group: incident, alerts, texts, lines
-- ARGV[5] reopen window ms [6] flap hold ms [7] stale after ms [8] full texts kept an incident [9] open incidents allowed in this shard
--   [10] groups; then a group: hash, incident id, mode, previous id, number, sure, severity, fields (packed for HSET, by \31), policy or '',
--   source, alerts; then an alert: fingerprint, F|R, starts ms, ends ms (0: not told, the shard's time counts), text
--   mode cur: id is believed to be the group's incident; new: make it one with this id, if the group's is still the previous;
--   at: this incident, whatever the group says (a resolution that was found by fingerprint). sure: unknown resolved alerts are taken.
-- returns a group: "ok|moved|over" \31 incident \31 what happened (o opened, r resolved, e reopened, c changed) \31
--   numbers of alerts that need a new incident \31 numbers of resolved alerts that this incident does not know (comma lists, from 1)
local now = clock()
local reopen, hold, stale = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local texts, allowed = tonumber(ARGV[8]), tonumber(ARGV[9])
local out, p, k, wrote = {}, 10, 12, false
local SYSTEM = '"by":"system","via":"system"}'

local function prints(list)
  local n = #list
  local shown = {}
  for i = 1, math.min(n, 5) do shown[i] = '"' .. list[i] .. '"' end
  return '{"count":' .. n .. ',"fingerprints":[' .. table.concat(shown, ',') .. ']}'
end

local function group()
  local gh, id, mode, prev, number, sure = ARGV[p + 1], ARGV[p + 2], ARGV[p + 3], ARGV[p + 4], ARGV[p + 5], ARGV[p + 6]
  local sev, fields, policy, source, n = ARGV[p + 7], ARGV[p + 8], ARGV[p + 9], ARGV[p + 10], tonumber(ARGV[p + 11])
  local a = p + 11
  p = a + 5 * n
  local kinc, kalerts, ktexts, klines = KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  k = k + 4
  if mode ~= 'at' then
    local cur = redis.call('HGET', KEYS[6], gh)
    if mode == 'cur' and cur ~= id then return 'moved\31' .. (cur or '') end
    if mode == 'new' and cur and cur ~= prev then return 'moved\31' .. cur end
    if mode == 'new' and allowed > 0 and redis.call('ZCARD', KEYS[7]) >= allowed then return 'over\31' end
  end
  -- The counters share one field: firing, total, received, then of the open line of firing alerts: since when, how many, its number.
  local h = redis.call('HMGET', kinc, 'state', 'severity', 'ver', 'n')
  local state = h[1]
  if not state and mode ~= 'new' then
    redis.call('HDEL', KEYS[6], gh)
    return 'moved\31'
  end
  local firing, total, received, line_at, line_n, line_seq = 0, 0, 0, 0, 0, 0
  if h[4] then
    local a, b, c, d, e, f = string.match(h[4], '^(%d+),(%d+),(%d+),(%d+),(%d+),(%d+)$')
    firing, total, received, line_at, line_n, line_seq = tonumber(a), tonumber(b), tonumber(c), tonumber(d), tonumber(e), tonumber(f)
  end
  local closed = state == 'resolved'
  local ended = closed and redis.call('HMGET', kinc, 'resolved_at', 'resolved_by', 'flaps', 'created_at') or {}
  local reopenable = closed and now - tonumber(ended[1]) <= reopen
  local fps = {}
  for i = 1, n do fps[i] = ARGV[a + 5 * (i - 1) + 1] end
  local olds = state and redis.call('HMGET', kalerts, unpack(fps)) or {}
  local known, sets, tsets, psets = {}, {}, {}, {}
  local fired, cleared, need, lost, taken = {}, {}, {}, {}, 0
  local stamp = int(now)
  for i = 1, n do
    local at = a + 5 * (i - 1)
    local fp, st, began, ends = fps[i], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
    if began == '0' then began = stamp end
    if st == 'R' and ends == '0' then ends = stamp end
    local starts = tonumber(began)
    local old = known[fp] or olds[i]
    if not old then
      if st == 'R' and sure ~= '1' and mode ~= 'at' then
        lost[#lost + 1] = i
      elseif st == 'F' and closed and not reopenable then
        need[#need + 1] = i
      else
        total = total + 1
        taken = taken + 1
        if st == 'F' then firing = firing + 1 fired[#fired + 1] = fp end
        known[fp] = st .. began .. ',' .. ends .. ',1,' .. stamp
        sets[#sets + 1] = fp
        psets[#psets + 1] = source .. '/' .. fp
        psets[#psets + 1] = id
        if total <= texts then
          tsets[#tsets + 1] = fp
          tsets[#tsets + 1] = ARGV[at + 5]
        end
      end
    else
      local ost, ostarts, oends, orecv = string.match(old, '^(%a)(%d+),(%d+),(%d+)')
      local os = tonumber(ostarts)
      local nst, nstarts, nends = ost, ostarts, oends
      local refire = false
      if starts > os then
        refire = st == 'F' and (ost == 'R' or closed)
        nst, nstarts, nends = st, began, ends
      elseif starts == os and st == 'R' then
        nst = 'R'
        if ost == 'F' or tonumber(ends) > tonumber(oends) then nends = ends end
      elseif starts == os and st == 'F' and ost == 'F' and closed and ended[2] ~= '' and not reopenable then
        refire = true
      end
      if refire and closed and not reopenable then
        need[#need + 1] = i
      else
        taken = taken + 1
        if ost == 'F' and nst == 'R' then
          firing = firing - 1
          cleared[#cleared + 1] = fp
        elseif refire then
          if ost == 'R' then firing = firing + 1 end
          fired[#fired + 1] = fp
          if redis.call('HEXISTS', ktexts, fp) == 1 then
            tsets[#tsets + 1] = fp
            tsets[#tsets + 1] = ARGV[at + 5]
          end
        end
        if not known[fp] then sets[#sets + 1] = fp end
        known[fp] = nst .. nstarts .. ',' .. nends .. ',' .. (tonumber(orecv) + 1) .. ',' .. stamp
      end
    end
  end
  received = received + taken
  local tail = '\31' .. table.concat(need, ',') .. '\31' .. table.concat(lost, ',')
  if taken == 0 then return 'ok\31' .. id .. '\31' .. tail end
  wrote = true
  local vals = {}
  for i = 1, #sets do
    vals[2 * i - 1] = sets[i]
    vals[2 * i] = known[sets[i]]
  end
  redis.call('HSET', kalerts, unpack(vals))
  if #tsets > 0 then redis.call('HSET', ktexts, unpack(tsets)) end
  if #psets > 0 then redis.call('HSET', KEYS[10], unpack(psets)) end
  local happened = ''
  local set = {}
  local function put(f, v) set[#set + 1] = f set[#set + 1] = v end

  if not state then
    line_at, line_n, line_seq = 0, 0, 0
    local f = {}
    for v in string.gmatch(fields, '([^\31]*)\31') do f[#f + 1] = v end
    redis.call('HSET', kinc, 'id', id, 'number', number, 'created_at', stamp, 'group', gh, unpack(f))
    state = firing > 0 and 'triggered' or 'resolved'
    put('state', state)
    redis.call('HSET', KEYS[6], gh, id)
    redis.call('ZADD', KEYS[8], stamp, id)
    redis.call('HSET', KEYS[9], number, id)
    line(klines, now, 'opened', '', 'system', prints(#fired > 0 and fired or sets))
    enter(now, '{"do":"incident.opened","incident":"' .. id .. '",' .. SYSTEM, '')
    put('resolved_by', '')
    if state == 'triggered' then
      redis.call('ZADD', KEYS[7], stamp, id)
      if policy ~= '' then redis.call('ZADD', KEYS[11], stamp, 'l:' .. id) end
      if stale > 0 then redis.call('ZADD', KEYS[11], int(now + stale), 's:' .. id) end
      redis.call('ZADD', KEYS[12], stamp, id)
    else
      put('resolved_at', stamp)
    end
    happened = 'o'
    log('opened', id)
  else
    if closed and #fired > 0 then
      local flap = ended[2] == ''
      put('state', 'triggered')
      put('resolved_at', '')
      put('acknowledged_at', '')
      put('acknowledged_by', '')
      put('step', '-1')
      put('round', '0')
      put('reached', '0')
      put('ended', '')
      put('snoozed_until', '')
      put('flaps', int(tonumber(ended[3] or 0) + 1))
      redis.call('ZADD', KEYS[7], ended[4] or stamp, id)
      if policy ~= '' then redis.call('ZADD', KEYS[11], int(now + (flap and hold or 0)), 'l:' .. id) end
      if stale > 0 then redis.call('ZADD', KEYS[11], int(now + stale), 's:' .. id) end
      line(klines, now, 'reopened', '', 'system', prints(fired))
      enter(now, '{"do":"incident.reopened","incident":"' .. id .. '",' .. SYSTEM, '')
      happened = 'e'
      log('reopened', id)
    elseif #fired > 0 then
      -- What fires within ten seconds is one line. Its count is written when the next one begins; readers take it from
      -- the counters until then.
      if line_seq > 0 and now - line_at < 10000 then
        line_n = line_n + #fired
      else
        if line_seq > 0 and line_n > 1 then
          redis.call('LSET', klines, int(line_seq - 1), table.concat({int(line_at), 'alert_firing', '', 'system', '{"count":' .. int(line_n) .. '}'}, '\31'))
        end
        line_seq = line(klines, now, 'alert_firing', '', 'system', prints(fired))
        line_at, line_n = now, #fired
      end
      happened = 'c'
    end
    if sev ~= '' and state ~= 'resolved' and sev < (h[2] or '') then
      put('severity', sev)
      line(klines, now, 'severity', '', 'system', '{"from":"' .. h[2] .. '","to":"' .. sev .. '"}')
      happened = happened .. 's'
    end
    if #cleared > 0 and not closed then
      line(klines, now, 'alert_resolved', '', 'system', prints(cleared))
      happened = happened .. 'c'
      if firing == 0 then
        put('state', 'resolved')
        put('resolved_at', stamp)
        put('resolved_by', '')
        put('snoozed_until', '')
        redis.call('ZREM', KEYS[7], id)
        redis.call('ZREM', KEYS[11], 'l:' .. id, 's:' .. id)
        line(klines, now, 'resolved', '', 'system', '{"reason":"all alerts resolved"}')
        enter(now, '{"do":"incident.resolved","incident":"' .. id .. '",' .. SYSTEM, '')
        happened = happened .. 'r'
        log('resolved', id)
      end
    end
    if happened ~= '' then
      put('ver', int(tonumber(h[3] or 0) + 1))
      -- More alerts in a known incident are no news that cannot wait a second; a change of state is.
      redis.call('ZADD', KEYS[12], happened == 'c' and 'NX' or 'LT', happened == 'c' and int(now + 1000) or stamp, id)
    end
  end
  put('n', table.concat({int(firing), int(total), int(received), int(line_at), int(line_n), int(line_seq)}, ','))
  redis.call('HSET', kinc, unpack(set))
  return 'ok\31' .. id .. '\31' .. happened .. tail
end

for g = 1, tonumber(ARGV[10]) do out[g] = group() end
if wrote then commit(now) end
return out
