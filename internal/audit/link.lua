#!lua flags=allow-oom
-- link: append links to a shard's chain. What stands is compared and never replaced; the chain only grows at its end.
-- It may run out of memory's bound, like the scripts that enter decisions: a decision must be provable when it was taken.
-- KEYS[6] links (stream, id NUMBER-0, field l)
-- ARGV[5] number of the first link  ARGV[6] the link before it  ARGV[7…] links in hex, at most 256, in order
-- returns: ok and how many were new | diverged and the number whose stored link is another or missing |
--   behind, the number of the last stored link and that link ('' if there is none): links are missing before the first
local first, count = tonumber(ARGV[5]), #ARGV - 6
local function number(id) return tonumber(string.match(id, '^%d+')) end
local top, topLink = 0, ''
local last = redis.call('XREVRANGE', KEYS[6], '+', '-', 'COUNT', '1')
if last[1] then
  top, topLink = number(last[1][1]), last[1][2][2]
end
if top < first - 1 then
  return table.concat({'behind', int(top), topLink}, '\31')
end
local from = math.max(first - 1, 1)
local to = math.min(top, first + count - 1)
if from <= to then
  local have = redis.call('XRANGE', KEYS[6], int(from) .. '-0', int(to) .. '-0')
  for n = from, to do
    local stored = have[n - from + 1]
    -- ARGV[6] is the link of first - 1, so ARGV[6 + k] is that of first - 1 + k.
    if not stored or stored[1] ~= int(n) .. '-0' or stored[2][2] ~= ARGV[n - first + 7] then
      return table.concat({'diverged', int(n)}, '\31')
    end
  end
end
local added = 0
for n = math.max(first, top + 1), first + count - 1 do
  redis.call('XADD', KEYS[6], int(n) .. '-0', 'l', ARGV[n - first + 7])
  added = added + 1
end
if added > 0 then commit(clock()) end
return table.concat({'ok', int(added)}, '\31')
