-- What an operator watches.
--   {} -> {depth, due, dead, ended, oldest_age_ms}; ended: since the store was made

local oldest = redis.call('ZRANGE', ACCEPTED, 0, 0, 'WITHSCORES')
return reply({
  depth = redis.call('ZCARD', LIVE),
  due = redis.call('ZCARD', DUE),
  dead = redis.call('ZCARD', DEAD),
  ended = tonumber(redis.call('GET', ENDED) or '0'),
  oldest_age_ms = oldest[2] and math.max(now - tonumber(oldest[2]), 0) or 0,
})
