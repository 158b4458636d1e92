import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readEnvironment } from '@app/http/settings';
import { z } from 'zod';
import {
  connect,
  Hints,
  Kept,
  State,
  StateUnavailable,
  stateSettings,
  type Log,
  type RedisClient,
} from '../src/index.ts';
import { TestRedis } from '../testing/redis.ts';

const log: Log = { info() {}, warn() {} };

async function server(t: TestContext): Promise<TestRedis> {
  const redis = await TestRedis.start();
  t.after(() => redis.end());
  return redis;
}

function client(t: TestContext, redis: TestRedis): RedisClient {
  const connected = connect(redis.url, 'test', log);
  t.after(() => connected.destroy());
  return connected;
}

/** `events.once` would not do: it rejects at the first attempt that fails. */
function ready(redis: RedisClient): Promise<void> {
  return new Promise((resolve) => redis.once('ready', resolve));
}

function scripts(t: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lua-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('an address that is wrong is not printed: it may have a password', () => {
  const read = () => readEnvironment(z.object(stateSettings), { REDIS_URL: 'http://:hush@redis' });
  assert.throws(read, {
    message: 'configuration is not valid:\n  REDIS_URL  must be an address of Redis',
  });
});

test('runs a script with the library before it, also after the server forgot it', async (t) => {
  const redis = client(t, await server(t));
  await ready(redis);
  const folder = scripts(t, {
    'lib.lua': 'local function twice(n) return n * 2 end',
    'double.lua':
      'return cjson.encode({ n = twice(cjson.decode(ARGV[1]).n), payload = ARGV[2] or "none" })',
  });
  const state = new State(redis, folder);
  assert.deepEqual(await state.run('double', { n: 21 }), { n: 42, payload: 'none' });
  await redis.scriptFlush();
  assert.deepEqual(await state.run('double', { n: 4 }, '{"a":1.0}'), {
    n: 8,
    payload: '{"a":1.0}',
  });
});

test('a mistake in a script is not taken for an outage', async (t) => {
  const redis = client(t, await server(t));
  await ready(redis);
  const state = new State(redis, scripts(t, { 'wrong.lua': 'return nothing.here' }));
  await assert.rejects(state.run('wrong', {}), (error) => !(error instanceof StateUnavailable));
});

test('a server without memory is unavailable', async (t) => {
  const redis = client(t, await server(t));
  await ready(redis);
  await redis.configSet('maxmemory', '1');
  const state = new State(redis);
  await assert.rejects(
    state.ask((server) => server.set('a', 'b')),
    StateUnavailable,
  );
});

test('fails at once without a server, and heals when it comes', async (t) => {
  const absent = await TestRedis.absent();
  t.after(() => absent.end());
  const redis = client(t, absent);
  const state = new State(redis);
  const asked = performance.now();
  await assert.rejects(
    state.ask((server) => server.ping()),
    StateUnavailable,
  );
  assert.ok(performance.now() - asked < 1_000);
  const healed = ready(redis);
  await absent.start();
  await healed;
  assert.equal(await state.ask((server) => server.ping()), 'PONG');
});

test('fails within its patience when the server hangs', async (t) => {
  const running = await server(t);
  const redis = client(t, running);
  await ready(redis);
  running.signal('SIGSTOP');
  t.after(() => running.signal('SIGCONT'));
  const asked = performance.now();
  await assert.rejects(
    new State(redis).ask((server) => server.ping()),
    StateUnavailable,
  );
  assert.ok(performance.now() - asked < 3_000);
});

test('what was read is kept, until it changes or the connection is lost', async (t) => {
  const running = await server(t);
  const writer = client(t, running);
  const redis = connect(running.url, 'keeper', log, true);
  t.after(() => redis.destroy());
  const kept = new Kept<string>(redis);
  await Promise.all([ready(writer), ready(redis)]);
  let reads = 0;
  const read = async (): Promise<string | undefined> =>
    kept.read('a', async () => {
      reads += 1;
      return (await redis.get('a')) ?? undefined;
    });
  // That there is nothing is no value to keep.
  assert.deepEqual([await read(), await read()], [undefined, undefined]);
  const told = new Promise((resolve) => redis.once('invalidate', resolve));
  await writer.set('a', '1');
  await told;
  reads = 0;
  assert.deepEqual([await read(), await read(), await read()], ['1', '1', '1']);
  assert.equal(reads, 1);
  await writer.set('a', '2');
  // What is kept is there at once: only in between does the connection hear of the change.
  while ((await read()) !== '2') await new Promise(setImmediate);
  assert.equal(reads, 2);
  const again = ready(redis);
  await writer.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  await again;
  assert.equal(await read(), '2');
  assert.equal(reads, 3);
});

test('a change that is told while a key is read is not overlooked', async (t) => {
  const running = await server(t);
  const redis = connect(running.url, 'keeper', log, true);
  t.after(() => redis.destroy());
  const kept = new Kept<string>(redis);
  await ready(redis);
  await redis.set('a', '1');
  const read = async (): Promise<string | undefined> => (await redis.get('a')) ?? undefined;
  const changed = new Promise((resolve) => redis.once('invalidate', resolve));
  const old = await kept.read('a', async () => {
    const value = await read();
    await redis.set('a', '2');
    await changed;
    return value;
  });
  assert.deepEqual([old, await kept.read('a', read)], ['1', '2']);
});

test('hears hints, also those asked for before the connection and after a lost one', async (t) => {
  const running = await TestRedis.absent();
  t.after(() => running.end());
  const hints = new Hints(client(t, running));
  let heard = Promise.withResolvers<string | undefined>();
  const stop = hints.listen('hint:a', (message) => heard.resolve(message));
  const publisher = client(t, running);

  for (const _life of ['first', 'second']) {
    const connected = ready(publisher);
    heard = Promise.withResolvers();
    await running.start();
    // The reconnect itself is a hint: something may have been missed.
    await Promise.all([connected, heard.promise]);
    heard = Promise.withResolvers();
    // A subscription is confirmed to nobody: publish until it is there.
    while ((await publisher.publish('hint:a', '1')) === 0);
    assert.equal(await heard.promise, '1');
    await running.kill();
  }
  stop();
});

test('one subscription serves all listeners, and ends with the last', async (t) => {
  const running = await server(t);
  const redis = client(t, running);
  const publisher = client(t, running);
  await Promise.all([ready(redis), ready(publisher)]);
  const hints = new Hints(redis);
  const listeners = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let stopped = false;
  const stops = listeners.map(({ resolve }) =>
    hints.listen('hint:a', () => {
      assert.equal(stopped, false);
      resolve();
    }),
  );
  while ((await publisher.publish('hint:a', '1')) === 0);
  await Promise.all(listeners.map(({ promise }) => promise));
  assert.deepEqual(await publisher.pubSubNumSub(['hint:a']), { 'hint:a': 1 });
  for (const stop of stops) stop();
  stopped = true;
  while ((await publisher.publish('hint:a', '1')) > 0);
});
