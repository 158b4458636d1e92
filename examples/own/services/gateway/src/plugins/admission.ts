import { guard } from '@app/http/guard';
import { Problem } from '@app/http/problems';
import { admission } from '@app/http/server';
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Where requests are counted; in this process's memory if there is none. */
    rateLimitStore?: FastifyRateLimitStoreCtor;
  }
}

/** What a request is held to before its body is read, in this order. */
export default plugin(
  async (app) => {
    await app.register(admission);
    await limitRequests(app);
    // Behind the rate limit, so that guessing keys is limited as well.
    await app.register(guard);
  },
  // Refusals have its headers as well.
  { name: 'admission', dependencies: ['security'] },
);

/**
 * Bounds the requests of each caller, also those that no route answers, and of an address those
 * without a valid key. A route with `rateLimit: false` sees to it itself, for who has one.
 */
async function limitRequests(app: FastifyInstance): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    max: app.config.RATE_LIMIT_PER_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request) => request.caller,
    allowList({ known, routeOptions: { config } }) {
      return config.probe === true || (config.rateLimit === false && known);
    },
    // A store that is down must not take the gateway with it.
    skipOnError: true,
    ...(app.rateLimitStore && { store: app.rateLimitStore }),
    errorResponseBuilder: (_request, { max }) =>
      new Problem(429, 'too-many-requests', `More than ${max} requests in a minute.`),
  });
  app.addHook('onRequest', app.rateLimit());
}
