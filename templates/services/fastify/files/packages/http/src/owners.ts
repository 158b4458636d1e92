import plugin from 'fastify-plugin';
import { ownerOf } from './callers.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** To whom it belongs what the caller makes: the name of the API key, or `anonymous`. */
    owner: string;
  }
}

/** Tells whose things a request is about. After `admission`. */
export const owners = plugin(async (app) => {
  app.decorateRequest('owner', '');
  app.addHook('onRequest', (request, _reply, done) => {
    request.owner = ownerOf(request.caller);
    done();
  });
});
