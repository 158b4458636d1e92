import type { FastifyInstance, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { Problem } from './problems.ts';
import { admission } from './server.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** To whom it belongs what the caller makes: the name of the API key, or `anonymous`. */
    owner: string;
  }
}

/** Lets nobody in without a valid API key, and answers what no route does. Before all routes. */
export const guard = plugin(async (app) => {
  await app.register(admission);
  const refuse = refusalOfUnknown(app);
  app.decorateRequest('owner', '');
  app.addHook('onRequest', (request, _reply, done) => {
    if (!request.known && request.routeOptions.config.public !== true) {
      throw new Problem(401, 'unauthorized', 'Send an API key: Authorization: Bearer <key>.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    // Without keys a caller is an address, and an address is no identity.
    request.owner = app.callers.configured ? request.caller : 'anonymous';
    // Before a body is read that nobody wants.
    if (request.is404) refuse(request);
    done();
  });
  app.setNotFoundHandler(refuse);
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
    throw new Problem(405, 'method-not-allowed', `Allowed here: ${allow}.`, { headers: { allow } });
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
