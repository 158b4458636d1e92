import { createPool, measurePool } from '@app/postgres/pool';
import { drizzle } from 'drizzle-orm/node-postgres';
import plugin from 'fastify-plugin';
import { ItemStore } from '../database/items.ts';
import type { Store } from '../store.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What routes keep things in. */
    store: Store;
  }
}

/** The database. It is connected to when it is asked, so that the service starts without one. */
export default plugin(async (app) => {
  const pool = createPool(app.config, app.config.SERVICE_NAME, app.log);
  measurePool(() => pool, app.metrics);
  app.decorate('store', new ItemStore(drizzle(pool)));
  app.addHook('onClose', async () => await pool.end());
});
