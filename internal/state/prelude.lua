-- The prelude: put between line 1 and the body of every script.
-- KEYS[1] meta  KEYS[2] testclock  KEYS[3] log  KEYS[4] audit  KEYS[5] memo of the request   (the body's keys start at 6)
-- ARGV[1] '' or a time in ms (only while testclock stands)  ARGV[2] request id or ''  ARGV[3] audit entry or ''
-- ARGV[4] SHA-256 of the audit entry or ''   (the body's arguments start at 5)

-- seq is the shard's number of commits, once the clock was read.
local seq

-- clock: the server's time in ms, never below the highest this shard has seen.
local function clock()
  local t
  if ARGV[1] ~= '' then
    if redis.call('EXISTS', KEYS[2]) == 0 then
      error('TESTCLOCK a time was given but this shard runs on the server clock')
    end
    t = tonumber(ARGV[1])
  else
    local p = redis.call('TIME')
    t = tonumber(p[1]) * 1000 + math.floor(tonumber(p[2]) / 1000)
  end
  local m = redis.call('HMGET', KEYS[1], 'hi', 'seq')
  local hi = tonumber(m[1] or '0')
  seq = tonumber(m[2] or '0')
  if t < hi then t = hi end
  return t
end

-- int: a number as text without exponent.
local function int(n) return string.format('%d', n) end

-- seen: the first result of this request, or false.
local function seen()
  if ARGV[2] == '' then return false end
  return redis.call('GET', KEYS[5])
end

-- commit: every script that wrote ends with it. It remembers the time and counts the commit.
local function commit(now)
  redis.call('HSET', KEYS[1], 'hi', int(now), 'seq', int(seq + 1))
end

-- finish: commit, remember the result under the request id for a day, and return it.
local function finish(now, result)
  commit(now)
  local r = table.concat(result, '\31')
  if ARGV[2] ~= '' then redis.call('SET', KEYS[5], r, 'PX', '86400000') end
  return r
end

-- log: tell the followers of this shard that something of a subject changed.
local function log(kind, subject)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', '4096', '*', 'k', kind, 's', subject)
end

-- enter: put an entry into the audit stream under the next number of this shard. An entry that a script makes itself (what
-- the system did, from ids only) has no sum.
local function enter(now, entry, sum)
  local n = redis.call('HINCRBY', KEYS[1], 'audit', 1)
  redis.call('XADD', KEYS[4], int(n) .. '-0', 'at', int(now), 'e', entry, 'h', sum)
end

-- audit: enter the decision that ARGV[3] holds.
local function audit(now)
  if ARGV[3] ~= '' then enter(now, ARGV[3], ARGV[4]) end
end

-- line: append to the history at a key: time, kind, person, via, data (JSON). Returns its number.
local function line(key, now, kind, person, via, data)
  return redis.call('RPUSH', key, table.concat({int(now), kind, person, via, data}, '\31'))
end
