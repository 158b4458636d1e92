import { unavailable } from '@app/http/problems';
import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Has no time limit: a stream of events. */
    endless?: boolean;
  }
}

/** Bounds what requests may cost others: how late all of them are, and how long each one takes. */
export default plugin(
  async (app) => {
    // Sheds load while the event loop lags: a quick refusal is worth more than a late answer.
    await app.register(underPressure, {
      maxEventLoopDelay: app.config.EVENT_LOOP_DELAY_MS,
      pressureHandler(request) {
        if (request.routeOptions.config.probe === true) return;
        throw unavailable('overloaded', 'There is more to do than can be done.');
      },
    });
    // From when the request is there: receiving it has a bound of its own. Fastify's own
    // `handlerTimeout` would not do: it counts a request as closed as soon as its body is read, and
    // never fires for one that has a body.
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
  { dependencies: ['admission'] },
);
