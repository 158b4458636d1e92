import plugin from 'fastify-plugin';

/** One line for each request, when it is done. */
export default plugin(async (app) => {
  app.addHook('onResponse', (request, reply, done) => {
    // Probes would drown everything else.
    const level = request.routeOptions.config.probe === true ? 'debug' : 'info';
    reply.log[level](
      {
        method: request.method,
        url: request.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        caller: request.caller,
      },
      'request',
    );
    done();
  });
});
