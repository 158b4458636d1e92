import { Callers } from '@app/callers';
import plugin from 'fastify-plugin';
import { Problem } from '../problems.ts';

declare module 'fastify' {
  interface FastifyInstance {
    callers: Callers;
  }
  interface FastifyRequest {
    /** The name of the API key or, where none are configured, the client's address. */
    caller: string;
  }
  interface FastifyContextConfig {
    /** Answered without an API key. */
    public?: boolean;
    /** Asked by machines again and again: never limited, never shed. */
    probe?: boolean;
    /** Ends when one of both sides wants it to. */
    endless?: boolean;
  }
}

/** Knows who calls; asks for an API key where keys are configured. */
export default plugin(
  async (app) => {
    const callers = Callers.fromFile(app.config.API_KEYS_FILE);
    app.decorate('callers', callers);
    app.decorateRequest('caller', '');
    app.addHook('onRequest', (request, _reply, done) => {
      const { authorization } = request.headers;
      const caller = callers.identify({ authorization, address: request.ip });
      if (caller !== undefined) {
        request.caller = caller;
      } else if (request.routeOptions.config.public === true) {
        request.caller = request.ip;
      } else {
        throw new Problem(401, 'unauthorized', 'Send an API key: Authorization: Bearer <key>.', {
          headers: { 'www-authenticate': 'Bearer' },
        });
      }
      done();
    });
  },
  { name: 'callers', dependencies: ['problems', 'security'] },
);
