import { orExit } from '@app/contracts';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { serveMetrics } from './metrics.ts';

const config = orExit(() => readConfig(process.env));
const app = await buildApp(config);

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

await serveMetrics(app.metrics, config.HOST, config.METRICS_PORT);
await app.listen({ host: config.HOST, port: config.PORT });

/** Lets requests in flight finish, within limits. */
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
