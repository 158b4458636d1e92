import plugin from 'fastify-plugin';

/** What no route does is refused before its body is read. */
export default plugin(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.is404) app.refuseUnknown(request);
      done();
    });
  },
  // Who is not known learns nothing of what there is.
  { dependencies: ['keys'] },
);
