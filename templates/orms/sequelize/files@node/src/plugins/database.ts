import { createPool, measurePool } from '@app/postgres/pool';
import plugin from 'fastify-plugin';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { ItemStore } from '../database/items.ts';
import { defineItems } from '../database/schema.ts';
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
  const sequelize = new Sequelize({ dialect: 'postgres', dialectModule: pg, logging: false });
  // In place of the pool of Sequelize: this one has the limits of the service.
  Object.assign(sequelize.connectionManager, {
    getConnection: async () => await pool.connect(),
    releaseConnection: (client: pg.PoolClient) => client.release(),
  });
  app.decorate('store', new ItemStore(defineItems(sequelize)));
  app.addHook('onClose', async () => await pool.end());
});
