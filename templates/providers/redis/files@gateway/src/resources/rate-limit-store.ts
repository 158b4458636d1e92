import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import plugin from 'fastify-plugin';

// Counts in windows that begin with a caller's first request.
const COUNT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }`;

/** Smaller limits than this are counted exactly. */
const SMALL = 100;
/** Between two times that a caller's count is told. */
const PAUSE_MS = 10;
/** How many callers are counted here at most. */
const CALLERS_MAX = 10_000;

/** Requests that are counted with some delay, over all gateways, in windows of a minute. */
interface RequestCounts {
  add(caller: string, count: number): void;
  /** What is known here, and the milliseconds until the window ends. */
  read(caller: string): { count: number; left: number };
}

declare module 'fastify' {
  interface FastifyInstance {
    requestCounts: RequestCounts;
  }
}

const MINUTE_MS = 60_000;

/** A caller's present window, as far as it is known here. */
interface Window {
  /** All requests, over all gateways, as they were last told; and those from here since. */
  count: number;
  /** Counted here and not told yet. */
  untold: number;
  telling: boolean;
  /** By `performance.now()`. */
  end: number;
}

/**
 * Counts the requests of a caller over all gateways; each counts alone while that is impossible.
 *
 * A count that is shared is a write to the disk, and a request must not wait for one. Up to half of
 * what is allowed a request is counted here, and told in the background, many at once. In the second half each request asks first.
 */
export default plugin(
  async (app) => {
    const windows = new Map<string, Window>();

    function windowOf(caller: string, length: number): Window {
      const now = performance.now();
      const known = windows.get(caller);
      if (known && known.end > now) return known;
      const begun = { count: 0, untold: 0, telling: false, end: now + length };
      if (windows.size >= CALLERS_MAX) windows.clear();
      windows.set(caller, begun);
      return begun;
    }

    /** Adds to the shared count; what it is then or, where it cannot be asked, what is known here. */
    async function share(caller: string, by: number, length: number, own: Window): Promise<number> {
      const call = { keys: [`rate:${caller}`], arguments: [String(length), String(by)] };
      try {
        const reply = await app.state.ask((redis) => redis.eval(COUNT, call));
        const [count = 0, left = length] = Array.isArray(reply) ? reply.map(Number) : [];
        own.count = count + own.untold;
        own.end = performance.now() + left;
        return count;
      } catch {
        return own.count;
      }
    }

    async function tell(caller: string, length: number, own: Window): Promise<void> {
      if (own.telling) return;
      own.telling = true;
      while (own.untold > 0) {
        const by = own.untold;
        own.untold = 0;
        await share(caller, by, length, own);
        await wait(PAUSE_MS);
      }
      own.telling = false;
    }

    app.decorate('requestCounts', {
      add(caller, count) {
        const own = windowOf(caller, MINUTE_MS);
        own.count += count;
        own.untold += count;
        void tell(caller, MINUTE_MS, own);
      },
      read(caller) {
        const { count, end } = windowOf(caller, MINUTE_MS);
        return { count, left: Math.max(0, end - performance.now()) };
      },
    });

    class RedisStore implements FastifyRateLimitStore {
      incr: FastifyRateLimitStore['incr'] = (caller, done, length, max) => {
        const own = windowOf(caller, length);
        own.count += 1;
        const answer = (current: number): void =>
          done(null, { current, ttl: Math.max(0, own.end - performance.now()) });
        if (max >= SMALL && own.count * 2 <= max) {
          own.untold += 1;
          void tell(caller, length, own);
          answer(own.count);
        } else {
          void share(caller, 1, length, own).then(answer);
        }
      };

      child(): FastifyRateLimitStore {
        return this;
      }
    }
    app.decorate('rateLimitStore', RedisStore);
  },
  { dependencies: ['state'] },
);
