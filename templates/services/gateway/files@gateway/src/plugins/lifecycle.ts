import plugin from 'fastify-plugin';
import { unavailable } from '../problems.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the gateway begins to drain. */
    draining: AbortSignal;
  }
}

/** Tells those who wait that the gateway drains, and takes no more work from then on. */
export default plugin(
  async (app) => {
    const draining = new AbortController();
    app.decorate('draining', draining.signal);
    app.addHook('preClose', async () => draining.abort());
    app.addHook('onRequest', (request, _reply, done) => {
      if (draining.signal.aborted && request.routeOptions.config.probe !== true) {
        throw unavailable('draining', 'This gateway stops. Another one answers.');
      }
      done();
    });
    // A connection that stays open holds up the end.
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (draining.signal.aborted) reply.header('connection', 'close');
      done();
    });
  },
  { name: 'lifecycle', dependencies: ['problems'] },
);
