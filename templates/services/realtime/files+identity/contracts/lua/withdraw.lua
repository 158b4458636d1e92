-- Removes what a caller has published in a channel, or with `all` whatever is there. The keys are those
-- of publish.lua.
--   {channel, caller, all} -> {withdrawn}
local args = cjson.decode(ARGV[1])
local stream, ledger = 'channel:' .. args.channel, 'channel:' .. args.channel .. ':bytes'

local function add(key, name, bytes)
  if redis.call('HINCRBY', key, name, bytes) <= 0 then redis.call('HDEL', key, name) end
end

local function goes(fields)
  for index = 1, #fields, 2 do
    if fields[index] == 'by' and fields[index + 1] == args.caller then return true end
  end
  return args.all
end

local withdrawn, kept = 0, {}
for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
  if goes(entry[2]) then withdrawn = withdrawn + 1 else table.insert(kept, entry) end
end
if #kept == 0 then
  local bytes = redis.call('HGETALL', ledger)
  for index = 1, #bytes, 2 do add('channels:bytes', bytes[index], -bytes[index + 1]) end
  redis.call('DEL', stream, ledger)
  redis.call('ZREM', 'channels', args.channel)
elseif withdrawn > 0 then
  -- Made anew: what XDEL removes is marked so, and stays in memory and in the file with its neighbours.
  local left = redis.call('PTTL', stream)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1]
  redis.call('DEL', stream)
  for _, entry in ipairs(kept) do redis.call('XADD', stream, entry[1], unpack(entry[2])) end
  redis.call('XSETID', stream, newest)
  if left > 0 then redis.call('PEXPIRE', stream, left) end
  -- What the caller's events have taken up is free, for all as well.
  local bytes = tonumber(redis.call('HGET', ledger, args.caller) or '0')
  for _, name in ipairs({ args.caller, '' }) do
    for _, key in ipairs({ ledger, 'channels:bytes' }) do add(key, name, -bytes) end
  end
end
return cjson.encode({ withdrawn = withdrawn })
