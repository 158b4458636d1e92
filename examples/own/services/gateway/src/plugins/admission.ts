import { Problem } from '@app/http/problems';
import { admission } from '@app/http/server';
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Where requests are counted; in this process's memory if there is none. */
    rateLimitStore?: FastifyRateLimitStoreCtor;
    /** Handles what no route does; for a part of the paths that answers errors in its own way. */
    refuseUnknown: (request: FastifyRequest) => never;
  }
}

/** What a request is held to before its body is read, in this order. */
export default plugin(
  async (app) => {
    await app.register(admission);
    await limitRequests(app);
    // Behind the rate limit, so that guessing keys is limited as well.
    app.addHook('onRequest', (request, _reply, done) => {
      if (!request.known && request.routeOptions.config.public !== true) {
        throw new Problem(401, 'unauthorized', 'Send an API key: Authorization: Bearer <key>.', {
          headers: { 'www-authenticate': 'Bearer' },
        });
      }
      done();
    });
    // Who is not known learns nothing of what there is.
    app.decorate('refuseUnknown', refusalOfUnknown(app));
    app.setNotFoundHandler(app.refuseUnknown);
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.is404) app.refuseUnknown(request);
      done();
    });
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

/** Tells a method that is not allowed from what is not there; of routes that are added from now on. */
function refusalOfUnknown(app: FastifyInstance): (request: FastifyRequest) => never {
  const routes = new Map<string, { path: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = routes.get(url) ?? { path: pathPattern(url), methods: new Set() };
    routes.set(url, known);
    for (const name of [method].flat()) known.methods.add(name);
  });
  return (request) => {
    const path = request.url.replace(/\?.*/s, '');
    const methods = [...routes.values()]
      .filter((route) => route.path.test(path))
      .flatMap((route) => [...route.methods]);
    // A route may pass on what it does not find, such as a file.
    if (methods.length === 0 || methods.includes(request.method)) {
      throw new Problem(404, 'not-found', 'There is nothing here.');
    }
    const allow = [...new Set(methods)].sort().join(', ');
    throw new Problem(405, 'method-not-allowed', `Allowed here: ${allow}.`, {
      headers: { allow },
    });
  };
}

/** The paths that a route's pattern stands for. */
function pathPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
