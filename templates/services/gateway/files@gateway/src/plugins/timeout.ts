import plugin from 'fastify-plugin';
import { unavailable } from '../problems.ts';

/**
 * Bounds the time that an answer may take from when the request is there; receiving it has a bound
 * of its own. Fastify's own `handlerTimeout` would not do: it counts a request as closed as soon as
 * its body is read, and never fires for one that has a body.
 */
export default plugin(
  async (app) => {
    app.addHook('preValidation', (request, reply, done) => {
      if (request.routeOptions.config.endless === true) return done();
      const timer = setTimeout(() => {
        if (reply.raw.headersSent) reply.raw.destroy();
        else reply.send(unavailable('timeout', 'This took too long.'));
      }, app.config.HANDLER_TIMEOUT_S * 1_000);
      reply.raw.once('close', () => clearTimeout(timer));
      done();
    });
  },
  { dependencies: ['problems'] },
);
