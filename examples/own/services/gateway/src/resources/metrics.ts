import { metrics } from '@app/http/metrics';
import plugin from 'fastify-plugin';

/** What features of the gateway count in. */
export default plugin(
  async (app) => {
    await app.register(metrics, { service: app.config.SERVICE_NAME });
  },
  { name: 'metrics' },
);
