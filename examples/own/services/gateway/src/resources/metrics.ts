import plugin from 'fastify-plugin';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Registry;
  }
}

export default plugin(
  async (app) => {
    const metrics = new Registry();
    metrics.setDefaultLabels({ service: app.config.SERVICE_NAME });
    collectDefaultMetrics({ register: metrics });
    const duration = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 35],
      registers: [metrics],
    });
    app.decorate('metrics', metrics);
    app.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      const labels = { method: request.method, route, status: reply.statusCode };
      duration.observe(labels, reply.elapsedTime / 1_000);
      done();
    });
  },
  { name: 'metrics' },
);
