#!lua
-- bury: keep a body that could not be read, so that nothing is lost.
-- KEYS[6] dead letters
-- ARGV[5] source [6] reason [7] body (gzip) [8] how many to keep
-- returns the entry's id
local now = clock()
local id = redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[8], '*', 'at', int(now), 'source', ARGV[5], 'reason', ARGV[6], 'body', ARGV[7])
commit(now)
return id
