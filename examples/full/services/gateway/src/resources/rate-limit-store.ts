import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import plugin from 'fastify-plugin';

// Counts in windows that begin with a caller's first request.
const COUNT = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }`;

/** How many callers are counted here while the state store cannot be asked. */
const CALLERS_MAX = 10_000;

/** Counts the requests of a caller over all gateways; each counts alone while that is impossible. */
export default plugin(
  async (app) => {
    const alone = new Map<string, { count: number; end: number }>();

    function countAlone(caller: string, window: number): { current: number; ttl: number } {
      const now = performance.now();
      const known = alone.get(caller);
      const counted = known && known.end > now ? known : { count: 0, end: now + window };
      counted.count += 1;
      if (alone.size >= CALLERS_MAX) alone.clear();
      alone.set(caller, counted);
      return { current: counted.count, ttl: counted.end - now };
    }

    class RedisStore implements FastifyRateLimitStore {
      incr: FastifyRateLimitStore['incr'] = (caller, done, window) => {
        const call = { keys: [`rate:${caller}`], arguments: [String(window)] };
        app.state
          .ask((redis) => redis.eval(COUNT, call))
          .then((reply) => {
            const [current, ttl] = Array.isArray(reply) ? reply.map(Number) : [];
            done(null, { current: current ?? 0, ttl: ttl ?? window });
          })
          .catch(() => done(null, countAlone(caller, window)));
      };

      child(): FastifyRateLimitStore {
        return this;
      }
    }
    app.decorate('rateLimitStore', RedisStore);
  },
  { dependencies: ['state'] },
);
