import type { FastifyError, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { answerError, Problem } from '../problems.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Handles what no route does; for a part of the paths that answers errors in its own way. */
    refuseUnknown: (request: FastifyRequest) => never;
  }
}

/** Every error is answered by a problem document. */
export default plugin(
  async (app) => {
    const routes = new Map<string, { path: RegExp; methods: Set<string> }>();
    app.addHook('onRoute', ({ url, method }) => {
      const known = routes.get(url) ?? { path: pathPattern(url), methods: new Set() };
      routes.set(url, known);
      for (const name of [method].flat()) known.methods.add(name);
    });

    app.decorate('refuseUnknown', (request: FastifyRequest) => {
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
    });
    app.setNotFoundHandler(app.refuseUnknown);
    app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
      answerError(error, request, reply);
    });
  },
  { name: 'problems' },
);

/** The paths that a route's pattern stands for. */
function pathPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
