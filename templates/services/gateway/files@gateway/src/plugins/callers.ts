import { Callers } from '@app/callers';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    callers: Callers;
  }
  interface FastifyRequest {
    /** The name of the API key or, where there is no valid one, the client's address. */
    caller: string;
    /** Whether there is a valid API key, where keys are configured. */
    known: boolean;
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

/** Knows who calls. */
export default plugin(
  async (app) => {
    const callers = Callers.fromFile(app.config.API_KEYS_FILE);
    app.decorate('callers', callers);
    app.decorateRequest('caller', '');
    app.decorateRequest('known', false);
    app.addHook('onRequest', (request, _reply, done) => {
      const { authorization } = request.headers;
      const caller = callers.identify({ authorization, address: request.ip });
      request.caller = caller ?? request.ip;
      request.known = caller !== undefined;
      done();
    });
  },
  { name: 'callers', dependencies: ['problems', 'security'] },
);
