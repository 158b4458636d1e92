import { Problem } from '@app/http/problems';
import type { FastifyInstance, onRequestHookHandler, onResponseHookHandler } from 'fastify';

/** So much JSON costs as much as a request. */
const UNIT = 16_384;

/**
 * Hooks of a route that counts what it accepts by itself: a caller's requests that it refuses are
 * bounded here, by their number and size. They are counted when they are answered, so that one
 * which is accepted pays for nothing.
 */
export function boundRefusals(app: FastifyInstance): {
  onRequest: onRequestHookHandler;
  onResponse: onResponseHookHandler;
} {
  const max = app.config.RATE_LIMIT_PER_MINUTE;
  const keyOf = (caller: string): string => `${caller}/refused`;
  return {
    onRequest(request, _reply, done) {
      const { count, left } = app.requestCounts.read(keyOf(request.caller));
      if (count >= max) {
        throw new Problem(429, 'too-many-requests', 'Too many requests were refused.', {
          headers: { 'retry-after': String(Math.ceil(left / 1_000)) },
        });
      }
      done();
    },
    onResponse(request, { statusCode }, done) {
      const refused = statusCode >= 400 && statusCode < 500;
      // Without a valid key it was counted as a request of its address.
      if (refused && request.known) {
        const cost = 1 + Math.floor(request.jsonLength / UNIT);
        app.requestCounts.add(keyOf(request.caller), cost);
      }
      done();
    },
  };
}
