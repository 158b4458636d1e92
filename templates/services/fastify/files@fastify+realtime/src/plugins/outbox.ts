import { relay } from '@app/postgres/outbox';
import { createPool } from '@app/postgres/pool';
import plugin from 'fastify-plugin';

/** Tells realtime of changes, from the outbox that `migrations/0002_outbox.sql` fills. */
export default plugin(async (app) => {
  const { config, log } = app;
  // A connection of its own, so that requests and it do not wait for each other.
  const pool = createPool({ ...config, POOL_SIZE: 1 }, `${config.SERVICE_NAME}-outbox`, log);
  const end = new AbortController();
  const told = { url: config.REALTIME_URL, from: config.SERVICE_NAME };
  const relaying = relay(pool, told, log, end.signal);
  app.addHook('onClose', async () => {
    end.abort();
    await relaying;
    await pool.end();
  });
});
