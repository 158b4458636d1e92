-- Drops what every consumer is done with: all entries before the oldest one that is pending, or
-- before the last one delivered. Never MAXLEN, which forgets entries that nobody has taken, and
-- never XDEL, which makes the group's lag unknown.
--   {stream, group} -> {trimmed}

allow_when_full()
local pending = redis.call('XPENDING', args.stream, args.group)
local keep_from = pending[2]
if not keep_from then
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', args.stream)) do
    local fields = {}
    for index = 1, #group, 2 do fields[group[index]] = group[index + 1] end
    if fields.name == args.group then keep_from = fields['last-delivered-id'] end
  end
end
return reply({ trimmed = redis.call('XTRIM', args.stream, 'MINID', keep_from) })
