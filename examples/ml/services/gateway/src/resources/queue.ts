import plugin from 'fastify-plugin';
import { openQueue, type Queue } from '../queue.ts';

declare module 'fastify' {
  interface FastifyInstance {
    queue: Queue;
  }
}

export default plugin(
  async (app) => {
    const queue = openQueue({
      config: app.config,
      name: app.config.SERVICE_NAME,
      log: app.log,
      run: (script, args) => app.state.run(script, args),
    });
    app.decorate('queue', queue);
    app.addHook('onClose', () => queue.close());
  },
  { name: 'queue', dependencies: ['state'] },
);
