-- Appends an event to a channel and wakes those who read it. Every caller, and all of them together,
-- have a share of the memory: what one of them publishes pushes nothing out that is another's.
--   {channel, caller, topic, ttl_s, maxlen, channel_bytes, caller_bytes, all_bytes}; ARGV[2]: its
--   data, JSON on one line -> published {id} | full {whose}: `caller` or `all`
-- In a channel new events take the place of the oldest ones.
--
--   channel:{name}         stream of events: type and data; `by`: whose it is
--   channel:{name}:bytes   hash: caller -> what its events take up here; ALL -> all of them
--   channels               sorted set: name -> time at which it is forgotten
--   channels:bytes         hash: caller -> what its events take up in all channels; ALL -> all
local args = cjson.decode(ARGV[1])
local data = ARGV[2]
local time = redis.call('TIME')
local now = tonumber(time[1])

-- The name of no caller.
local ALL = ''
-- What an entry takes up beside its data, and a stream with one entry, of which Redis makes room for
-- 4 KiB at once: what MEMORY USAGE says, rounded up.
local EVENT_BYTES, CHANNEL_BYTES = 64, 5120
local FORGET_AT_ONCE = 10

local function stream_of(channel) return 'channel:' .. channel end
local function ledger_of(channel) return 'channel:' .. channel .. ':bytes' end
local function size_of(entry_data, by) return #entry_data + #by + EVENT_BYTES end

local function add(ledger, caller, bytes)
  if redis.call('HINCRBY', ledger, caller, bytes) <= 0 then redis.call('HDEL', ledger, caller) end
end

local function read(ledger, caller) return tonumber(redis.call('HGET', ledger, caller) or '0') end

-- Gives back what a channel that is over has taken up.
local function forget(channel)
  local ledger = redis.call('HGETALL', ledger_of(channel))
  for index = 1, #ledger, 2 do add('channels:bytes', ledger[index], -ledger[index + 1]) end
  redis.call('DEL', stream_of(channel), ledger_of(channel))
  redis.call('ZREM', 'channels', channel)
end

local over = redis.call('ZRANGEBYSCORE', 'channels', '-inf', now, 'LIMIT', 0, FORGET_AT_ONCE)
for _, channel in ipairs(over) do forget(channel) end

local stream, ledger = stream_of(args.channel), ledger_of(args.channel)
local length = redis.call('XLEN', stream)
-- Redis ends a stream by itself, at its time.
if length == 0 then forget(args.channel) end

local size = size_of(data, args.caller)
local added = size + (length == 0 and CHANNEL_BYTES or 0)

-- The oldest events, which have to go for this one.
local removed, back = 0, { [ALL] = 0, [args.caller] = 0 }
local here, from, count = read(ledger, ALL), '-', 1
local function fits()
  return length - removed < args.maxlen and here - back[ALL] + added <= args.channel_bytes
end
while removed < length and not fits() do
  for _, entry in ipairs(redis.call('XRANGE', stream, from, '+', 'COUNT', count)) do
    if fits() then break end
    local fields = {}
    for index = 1, #entry[2], 2 do fields[entry[2][index]] = entry[2][index + 1] end
    -- What was not published by this script is nobody's.
    if fields.by then
      local freed = size_of(fields.data, fields.by)
      back[ALL] = back[ALL] + freed
      back[fields.by] = (back[fields.by] or 0) + freed
    end
    removed = removed + 1
    from = '(' .. entry[1]
  end
  count = count * 2
end

local function has_room(caller, bound)
  return read('channels:bytes', caller) - back[caller] + added <= bound
end
if not has_room(args.caller, args.caller_bytes) then return '{"result":"full","whose":"caller"}' end
if not has_room(ALL, args.all_bytes) then return '{"result":"full","whose":"all"}' end

local id = redis.call('XADD', stream, '*', 'type', 'message', 'data', data, 'by', args.caller)
if removed > 0 then redis.call('XTRIM', stream, 'MAXLEN', '=', length + 1 - removed) end
redis.call('EXPIRE', stream, args.ttl_s)
redis.call('ZADD', 'channels', now + args.ttl_s, args.channel)
back[ALL] = back[ALL] - added
back[args.caller] = back[args.caller] - added
for caller, bytes in pairs(back) do
  if bytes ~= 0 then
    add(ledger, caller, -bytes)
    add('channels:bytes', caller, -bytes)
  end
end
redis.call('PUBLISH', 'hint:' .. args.topic, '')
return cjson.encode({ result = 'published', id = id })
