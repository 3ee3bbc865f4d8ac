#!lua flags=allow-oom
-- budget: may one more message go to an address now? All replicas ask here, so together they stay within it.
-- KEYS[6] bucket (hash)
-- ARGV[5] take|hold [6] urgent 0|1 [7] hold ms; then each limit: count, per ms, burst (0: never more than count within any per)
-- returns 0: go; or ms to wait. hold: the vendor said when (Retry-After); nothing goes before
-- fields: hold (ms); w (when the next one who had to wait may come); t1, t2 … theoretical arrival of limit n; l1, l2 … the last sends of
--   limit n, oldest first
local now = clock()
local h = redis.call('HGETALL', KEYS[6])
local b = {}
for i = 1, #h, 2 do b[h[i]] = h[i + 1] end
if ARGV[5] == 'hold' then
  local till = math.max(now + tonumber(ARGV[7]), tonumber(b.hold or '0'))
  redis.call('HSET', KEYS[6], 'hold', int(till))
  redis.call('PEXPIRE', KEYS[6], int(math.max(till - now + 60000, 3700000)))
  commit(now)
  return till - now
end
if tonumber(b.hold or '0') > now then return tonumber(b.hold) - now end
local urgent, wait, step, life = ARGV[6] == '1', 0, 0, 60000
local set = {}
for i = 8, #ARGV, 3 do
  local n, count, per, burst = int((i - 5) / 3), tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local every = per / count
  step = math.max(step, every)
  life = math.max(life, 2 * per)
  if burst > 0 then
    -- A bucket: burst at once, then one every so often. A fifth of the burst is kept for what is urgent.
    local usable = burst - (urgent and 0 or math.floor(burst / 5))
    local tat = math.max(tonumber(b['t' .. n] or '0'), now)
    local free = tat + every - usable * every
    wait = math.max(wait, free - now)
    set[#set + 1] = 't' .. n
    set[#set + 1] = int(tat + every)
  else
    -- A window: at most count in any stretch of per, with a tenth of slack for the way to the vendor.
    local sent, span = {}, per * 1.1
    for s in string.gmatch(b['l' .. n] or '', '%d+') do
      if tonumber(s) > now - span then sent[#sent + 1] = s end
    end
    local usable = math.max(count - (urgent and 0 or math.floor(count / 5)), 1)
    if #sent >= usable then wait = math.max(wait, tonumber(sent[#sent - usable + 1]) + span - now) end
    sent[#sent + 1] = int(now)
    set[#set + 1] = 'l' .. n
    set[#set + 1] = table.concat(sent, ' ')
  end
end
if wait > 0 then
  wait = math.ceil(wait)
  if not urgent then
    -- Those who wait are given different times to come back, so that a storm's hundreds do not ask together again and again.
    local slot = math.max(tonumber(b.w or '0'), now + wait)
    if slot - now <= 60000 then
      redis.call('HSET', KEYS[6], 'w', int(slot + step))
      redis.call('PEXPIRE', KEYS[6], int(life))
      commit(now)
    end
    wait = math.min(slot - now, 60000)
  end
  return wait
end
redis.call('HSET', KEYS[6], unpack(set))
redis.call('PEXPIRE', KEYS[6], int(life))
commit(now)
return 0
