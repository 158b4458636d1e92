import plugin from 'fastify-plugin';

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
    // Without keys a caller is an address, and an address is no identity.
    request.owner = app.callers.configured ? request.caller : 'anonymous';
    done();
  });
});
