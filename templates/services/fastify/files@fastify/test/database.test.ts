import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPostgres, until } from '@app/postgres/testing';
import pg from 'pg';
import { problem, service } from './support.ts';

const postgres = await startPostgres();
const url = '/v1/orders/items';
const post = (name: string) => ({ method: 'POST', url, payload: { name } }) as const;

test('without a database the service lives, says so, and heals', async (t) => {
  const app = await service(t, postgres.url());
  assert.equal((await app.inject(post('Chair'))).statusCode, 201);
  await postgres.kill();
  const refused = await app.inject(url);
  assert.deepEqual(problem(refused), ['503 database-unavailable', []]);
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  await postgres.start();
  await until(async () => (await app.inject(url)).statusCode === 200);
  assert.equal((await app.inject(url)).json().items.length, 1);
});

test('who finds no connection in time, and who waits for a lock for too long, is told', async (t) => {
  const address = postgres.url();
  const app = await service(t, address, { POOL_SIZE: '1', POOL_WAIT_MS: '1000' });
  const other = new pg.Client({ connectionString: address });
  await other.connect();
  await other.query('BEGIN; LOCK TABLE items');
  const waiting = app.inject(url);
  const used = async () => /database_pool_in_use\S* 1$/m.test(await app.metrics.metrics());
  await until(used);
  assert.deepEqual(problem(await app.inject(url)), ['503 database-unavailable', []]);
  assert.deepEqual(problem(await waiting), ['503 database-busy', []]);
  await other.end();
  await until(async () => (await app.inject(url)).statusCode === 200);
});

test('what the database undoes for another is done again, up to three times', async (t) => {
  const address = postgres.url();
  const app = await service(t, address);
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  await client.query(`
    CREATE SEQUENCE attempts;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('attempts') % 5 IN (1, 2, 3) OR NEW.name = 'never' THEN
        RAISE 'undone' USING ERRCODE = 'serialization_failure';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION fail();`);
  assert.equal((await app.inject(post('Chair'))).statusCode, 201);
  assert.deepEqual(problem(await app.inject(post('never'))), ['503 database-busy', []]);
  const { rows } = await client.query("SELECT nextval('attempts')::integer AS attempts");
  await client.end();
  assert.deepEqual(rows, [{ attempts: 9 }]);
});
