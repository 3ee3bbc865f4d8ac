#!lua
-- override: keep an override unless one that is kept has an instant in common with it.
-- KEYS[6] overrides
-- ARGV[5] schedule [6] id [7] start [8] end (Unix seconds) [9] person [10] by [11] via [12] seconds to keep after the end
--     [13] how many may be kept
-- returns ok, id | conflict, id, start, end, person | past | full
local again = seen()
if again then return again end
local now = clock()
local from, to = tonumber(ARGV[7]), tonumber(ARGV[8])
if to * 1000 <= now then return 'past' end
local kept = redis.call('HGETALL', KEYS[6])
local old, n = {}, 0
for i = 1, #kept, 2 do
  local s, e, p = string.match(kept[i + 1], '^(%-?%d+)\31(%-?%d+)\31([^\31]*)')
  if from < tonumber(e) and tonumber(s) < to then
    return table.concat({'conflict', kept[i], s, e, p}, '\31')
  end
  n = n + 1
  if (tonumber(e) + tonumber(ARGV[12])) * 1000 < now then old[#old + 1] = kept[i] end
end
if n - #old >= tonumber(ARGV[13]) then return 'full' end
for _, id in ipairs(old) do redis.call('HDEL', KEYS[6], id) end
redis.call('HSET', KEYS[6], ARGV[6], table.concat({ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]}, '\31'))
audit(now)
log('override', ARGV[5])
return finish(now, {'ok', ARGV[6]})
