import type { FastifyInstance, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Problem } from './problems.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Handles what no route does; for a part of the paths that answers errors in its own way. */
    refuseUnknown: (request: FastifyRequest) => never;
  }
}

/** Lets nobody in without a valid API key, and answers what no route does. After `admission`, before all routes. */
export const guard = plugin(async (app) => {
  app.decorate('refuseUnknown', refusalOfUnknown(app));
  app.addHook('onRequest', (request, _reply, done) => {
    if (!request.known && request.routeOptions.config.public !== true) {
      throw new Problem(401, 'unauthorized', 'Send an API key: Authorization: Bearer <key>.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    // Who is not known learns nothing of what there is; and no body is read that nobody wants.
    if (request.is404) app.refuseUnknown(request);
    done();
  });
  app.setNotFoundHandler(app.refuseUnknown);
});

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
