import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { brokenUnique, databaseProblem, retrying } from '../src/failures.ts';
import { createPool } from '../src/pool.ts';
import { startPostgres } from '../testing/index.ts';

const postgres = await startPostgres();

const log = { info: (): void => {}, warn: (): void => {} };

function pool(settings: object = {}): pg.Pool {
  const config = {
    DATABASE_URL: postgres.url('postgres'),
    POOL_SIZE: 2,
    POOL_WAIT_MS: 1_000,
    STATEMENT_TIMEOUT_MS: 5_000,
    LOCK_TIMEOUT_MS: 100,
  };
  const made = createPool({ ...config, ...settings }, 'test', log);
  after(() => made.end());
  return made;
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );
}

/** As an ORM passes it on, with the values of the statement. */
function wrapped(cause: unknown, word = 'cause'): Error {
  return Object.assign(new Error('Failed query: secret'), { [word]: cause });
}

async function problemOf(work: Promise<unknown>): Promise<string | undefined> {
  return databaseProblem(wrapped(await failure(work)))?.slug;
}

test('tells what is away from what takes too long and what is a mistake', async () => {
  const nobody = { DATABASE_URL: 'postgresql://app@127.0.0.1:1/app' };
  assert.equal(await problemOf(pool(nobody).query('SELECT 1')), 'database-unavailable');
  const nothing = { DATABASE_URL: postgres.url('nothing') };
  assert.equal(await problemOf(pool(nothing).query('SELECT 1')), 'database-unavailable');
  const impatient = pool({ STATEMENT_TIMEOUT_MS: 50 });
  assert.equal(await problemOf(impatient.query('SELECT pg_sleep(10)')), 'database-busy');
  const said = await failure(pool().query('SELECT nonsense'));
  const mistake = databaseProblem(wrapped(Object.assign(Object(said), { parameters: ['secret'] })));
  assert.equal(mistake?.slug, 'internal');
  assert.ok(!Object.hasOwn(Object(mistake.cause), 'parameters'));
  assert.match(String(mistake.cause), /column "nonsense" does not exist/);
  assert.equal(databaseProblem(wrapped(new TypeError('of ours'))), undefined);
});

test('nobody waits for a lock for longer than the limit, nor for others who do', async () => {
  const first = pool();
  const holder = await first.connect();
  await holder.query('CREATE TABLE held ()');
  await holder.query('BEGIN; LOCK TABLE held');
  await assert.rejects(first.query('SELECT * FROM held'), { code: '55P03' });
  const second = await first.connect();
  assert.equal(await problemOf(first.query('SELECT 1')), 'database-unavailable');
  holder.release(true);
  second.release();
});

test('a server that hangs is away', async () => {
  const hung = pool({ POOL_SIZE: 1, STATEMENT_TIMEOUT_MS: 100 });
  await hung.query('SELECT 1');
  postgres.signal('SIGSTOP');
  try {
    assert.equal(await problemOf(hung.query('SELECT 1')), 'database-unavailable');
    assert.equal(await problemOf(hung.query('SELECT 1')), 'database-unavailable');
  } finally {
    postgres.signal('SIGCONT');
  }
  assert.equal((await hung.query('SELECT 1')).rowCount, 1);
});

test('a connection that waits for a server that hangs is given to nobody else', async () => {
  const one = pool({ POOL_SIZE: 1, STATEMENT_TIMEOUT_MS: 100 });
  const client = await one.connect();
  postgres.signal('SIGSTOP');
  try {
    await assert.rejects(client.query('SELECT 1'), /Query read timeout/);
    client.release();
    assert.equal(one.totalCount, 0);
  } finally {
    postgres.signal('SIGCONT');
  }
});

test('a connection that ends while somebody has it does not end the process', async () => {
  const client = await pool().connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const gone = new Promise((resolve) => client.once('end', resolve));
  await pool().query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await gone;
  assert.equal(await problemOf(client.query('SELECT 1')), 'database-unavailable');
  client.release();
});

test('a connection that ends while nobody uses it does not end the process', async () => {
  const one = pool({ POOL_SIZE: 1 });
  const { rows } = await one.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const gone = new Promise((resolve) => one.once('remove', resolve));
  await pool().query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await gone;
  assert.equal((await one.query('SELECT 1')).rowCount, 1);
});

test('times are those of UTC, wherever the server is', async () => {
  await pool().query("ALTER ROLE app SET TimeZone = 'Asia/Tokyo'");
  const { rows } = await pool().query("SELECT timestamptz '2026-01-02 03:04:05Z'::text AS time");
  assert.deepEqual(rows, [{ time: '2026-01-02 03:04:05+00' }]);
});

test('names the unique constraint that a statement would break', async () => {
  const statement = `CREATE TABLE one (a integer CONSTRAINT one_a UNIQUE);
    INSERT INTO one VALUES (1); INSERT INTO one VALUES (1)`;
  const broken = await failure(pool().query(statement));
  for (const word of ['cause', 'driverError', 'parent']) {
    assert.equal(brokenUnique(wrapped(broken, word)), 'one_a');
  }
  assert.equal(brokenUnique(await failure(pool().query('SELECT nonsense'))), undefined);
});

test('of two transactions that wait for each other, the one that is undone is done again', async () => {
  const both = pool({ LOCK_TIMEOUT_MS: 5_000 });
  await both.query('CREATE TABLE pair AS SELECT id, 0 AS n FROM generate_series(1, 2) AS id');
  const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  let attempts = 0;
  const change = async (mine: 0 | 1, other: 0 | 1): Promise<void> => {
    attempts += 1;
    const client = await both.connect();
    const add = 'UPDATE pair SET n = n + 1 WHERE id = $1';
    try {
      await client.query('BEGIN');
      await client.query(add, [mine + 1]);
      arrived[mine].resolve();
      await arrived[other].promise;
      await client.query(add, [other + 1]);
      await client.query('COMMIT');
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  };
  await Promise.all([retrying(() => change(0, 1)), retrying(() => change(1, 0))]);
  assert.deepEqual((await both.query('SELECT n FROM pair')).rows, [{ n: 2 }, { n: 2 }]);
  // At least one was undone; the other may have lost its turn to the next try.
  assert.ok(attempts > 2);
});
