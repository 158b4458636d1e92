import { once } from 'node:events';
import { createServer } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { ServerConfig } from './settings.ts';

/** Listens until the process is told to stop, and lets requests in flight finish then, within limits. */
export async function run(
  app: FastifyInstance,
  config: ServerConfig,
  metrics: Registry,
): Promise<void> {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

  await serveMetrics(app, metrics, config);
  await app.listen({ host: config.HOST, port: config.PORT });

  function stop(signal: NodeJS.Signals): void {
    if (stopping) return;
    stopping = true;
    app.log.info({ signal }, 'draining');
    setTimeout(() => {
      app.log.warn('requests were still in flight when the time to drain was over');
      process.exit(0);
    }, config.DRAIN_S * 1_000).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error({ err: error }, 'could not stop');
        process.exit(1);
      },
    );
  }
}

/** Serves `/metrics` on a port of its own, which is not published. */
async function serveMetrics(
  app: FastifyInstance,
  metrics: Registry,
  config: ServerConfig,
): Promise<void> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    metrics.metrics().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      (error: unknown) => {
        app.log.error({ err: error }, 'no metrics');
        response.writeHead(500).end();
      },
    );
  });
  server.listen(config.METRICS_PORT, config.HOST);
  await once(server, 'listening');
}
