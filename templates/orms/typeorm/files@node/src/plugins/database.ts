import { createPool, measurePool } from '@app/postgres/pool';
import plugin from 'fastify-plugin';
import type pg from 'pg';
import { DataSource, type Repository } from 'typeorm';
import { ItemStore } from '../database/items.ts';
import { Items, type Row } from '../database/schema.ts';
import type { Store } from '../store.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What routes keep things in. */
    store: Store;
  }
}

/** The database. It is connected to when it is asked, so that the service starts without one. */
export default plugin(async (app) => {
  const { config, log } = app;
  let pool: pg.Pool | undefined;
  const source = new DataSource({
    type: 'postgres',
    entities: [Items],
    installExtensions: false,
    // TypeORM makes its pool with this: one that has the limits of the service.
    driver: {
      Pool: function Pool() {
        return (pool = createPool(config, config.SERVICE_NAME, log));
      },
    },
  });
  measurePool(() => pool, app.metrics);

  let connected: Promise<DataSource> | undefined;
  const items = async (): Promise<Repository<Row>> => {
    connected ??= source.initialize();
    try {
      return (await connected).getRepository(Items);
    } catch (error) {
      connected = undefined;
      throw error;
    }
  };
  app.decorate('store', new ItemStore(items));
  app.addHook('onClose', async () => {
    if (source.isInitialized) await source.destroy();
  });
});
