import { createServer } from 'node:http';
import { Callers } from '@app/callers';
import { orExit } from '@app/contracts';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { registry } from './metrics.ts';

const config = orExit(() => readConfig(process.env));
const app = await buildApp(config, Callers.fromFile(config.API_KEYS_FILE), {
  level: config.LOG_LEVEL,
  base: { service: config.SERVICE_NAME },
});

// On a port of its own, which nobody publishes.
const metrics = createServer((_request, response) => {
  registry.metrics().then(
    (text) => response.setHeader('content-type', registry.contentType).end(text),
    (error: unknown) => {
      app.log.error({ err: error }, 'no metrics');
      response.writeHead(500).end();
    },
  );
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    app.log.info(`${signal}: draining`);
    metrics.close();
    setTimeout(() => {
      app.log.warn('clients were still connected when the time to drain was over');
      process.exit(0);
    }, config.DRAIN_S * 1000).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        app.log.error({ err: error }, 'not closed');
        process.exit(1);
      },
    );
  });
}

await app.listen({ host: config.HOST, port: config.PORT });
metrics.listen(config.METRICS_PORT, config.HOST);
