import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateUp } from '@app/postgres/migrations';
import { columnsOf, startPostgres } from '@app/postgres/testing';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { defineItems } from '../src/database/schema.ts';
import { migrationsOf } from './support.ts';

const postgres = await startPostgres();

test('the schema names the columns that migrations make', async () => {
  const migrations = migrationsOf(postgres.url());
  await migrateUp(migrations);
  const sequelize = new Sequelize({ dialect: 'postgres', dialectModule: pg });
  const columns = Object.entries(defineItems(sequelize).getAttributes());
  const known = columns.map(([name, { allowNull }]) => `${name}${allowNull === false ? '' : '?'}`);
  assert.deepEqual(known.toSorted(), await columnsOf('items', migrations.url));
});
