import { Clients } from '@app/http/clients';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    clients: Clients;
  }
}

/** Sockets and streams that are open. They go to other replicas when this one drains. */
export default plugin(
  async (app) => {
    const clients = new Clients();
    const drainMs = app.config.DRAIN_S * 1_000;
    app.decorate('clients', clients);
    app.addHook('preClose', () => clients.drain(drainMs / 2, drainMs / 4));
  },
  { name: 'clients' },
);
