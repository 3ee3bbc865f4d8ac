#!lua flags=allow-oom
-- step: a due timer takes effect: history, pages, next timer, if it still stands where it was read.
-- KEYS[6] incident [7] lines [8] timers [9] dirty [10] pages [11] page
-- ARGV[5] id [6] timer as read (ms) [7] step and [8] round as read [9] next step [10] next round [11] ms until the next ('' ended) [12] reached 0|1
--   [13] lines, then kind, data each; then pages: key, JSON before the state, JSON after it (both of the line's data), record each
-- returns ok | gone
local now = clock()
local id = ARGV[5]
local member = 'l:' .. id
local score = redis.call('ZSCORE', KEYS[8], member)
if not score or int(tonumber(score)) ~= ARGV[6] then return 'gone' end
local h = redis.call('HMGET', KEYS[6], 'state', 'step', 'round')
if h[1] ~= 'triggered' or (h[2] or '-1') ~= ARGV[7] or (h[3] or '0') ~= ARGV[8] then
  -- Not what was decided on: a ladder that is answered ends, one that moved is read again.
  if h[1] ~= 'triggered' then redis.call('ZREM', KEYS[8], member) commit(now) end
  return 'gone'
end
local ended = ARGV[11] == ''
redis.call('HSET', KEYS[6], 'step', ARGV[9], 'round', ARGV[10], 'reached', ARGV[12], 'ended', ended and '1' or '')
-- The wait counts from here, so that no step is early by the time between reading and writing.
if ended then redis.call('ZREM', KEYS[8], member) else redis.call('ZADD', KEYS[8], int(now + tonumber(ARGV[11])), member) end
local p = 13
local lines = tonumber(ARGV[p])
for i = 1, lines do
  line(KEYS[7], now, ARGV[p + 1], '', 'system', ARGV[p + 2])
  p = p + 2
end
local pages = (#ARGV - p) / 4
for i = 1, pages do
  local key, before, after, record = ARGV[p + 1], ARGV[p + 2], ARGV[p + 3], ARGV[p + 4]
  local n = line(KEYS[7], now, 'page', '', 'system', before .. '"queued"' .. after)
  redis.call('ZADD', KEYS[10], int(now), key)
  redis.call('HSET', KEYS[11], key, '0\31' .. '0\31' .. int(n) .. '\31' .. int(now) .. '\31' .. before .. '\31' .. after .. '\31' .. record)
  p = p + 4
end
if lines + pages > 0 then
  redis.call('HINCRBY', KEYS[6], 'ver', 1)
  redis.call('ZADD', KEYS[9], 'LT', int(now), id)
  audit(now)
  log('page', id)
end
commit(now)
return 'ok'
