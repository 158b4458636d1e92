import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { freePort } from '@app/http/testing';
import { redisServer, TestClient, until } from './harness.ts';

function start(environment: Record<string, string>): { child: ChildProcess; errors: () => string } {
  const env = {
    PATH: process.env['PATH'],
    CONTRACTS_DIR: process.env['CONTRACTS_DIR'],
    LOG_LEVEL: 'silent',
    ...environment,
  };
  const child = spawn(process.execPath, ['src/server.ts'], {
    cwd: `${import.meta.dirname}/..`,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  after(() => child.kill('SIGKILL'));
  return { child, errors: () => errors };
}

const reached = async (url: string): Promise<Response | undefined> => {
  try {
    const response = await fetch(url);
    return response.ok ? response : undefined;
  } catch {
    return undefined;
  }
};

test('names every variable that is wrong, and exits with 1', async () => {
  const { child, errors } = start({
    SERVICE_NAME: 'live',
    PORT: 'abc',
    ALLOWED_ORIGINS: 'example.com',
    APP_ENV: 'production',
    POLL_S: '-1',
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 1);
  assert.match(errors(), /^configuration is not valid:\n/);
  for (const line of [
    /PORT +must be a number from 1 to 65535, got `abc`/,
    /REDIS_URL +is missing \(example: redis:\/\/localhost:6379\)/,
    /ALLOWED_ORIGINS +must be origins .*, got `example.com`/,
    /API_KEYS_FILE +is missing/,
    /POLL_S +must be a number from .*, got `-1`/,
  ]) {
    assert.match(errors(), line);
  }
});

test('starts without Redis, serves when it comes, and drains on SIGTERM', async () => {
  const redis = await redisServer();
  const [port, metrics] = [await freePort(), await freePort()];
  const { child } = start({
    SERVICE_NAME: 'live',
    REDIS_URL: redis.url,
    PORT: String(port),
    METRICS_PORT: String(metrics),
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => reached(`${url}/readyz`), 'the service');
  assert.ok(await reached(`${url}/livez`));
  const client = await TestClient.open({ url, close: async () => {} });
  assert.equal((await client.ask({ op: 'subscribe', topic: 'channels/x' })).code, 'unavailable');

  await redis.start();
  await until(
    async () => (await client.ask({ op: 'subscribe', topic: 'channels/x' })).op === 'subscribed',
    'a subscription',
  );
  await client.ask({ op: 'publish', topic: 'channels/x', data: 1 });
  await client.receives('channels/x', 1);
  const text = await (await reached(`http://127.0.0.1:${metrics}/metrics`))?.text();
  for (const line of [
    /^realtime_sockets 1$/m,
    /^realtime_subscriptions 1$/m,
    /^realtime_events_sent_total\{transport="websocket"\} [12]$/m,
    /^realtime_event_lag_seconds_count 1$/m,
  ]) {
    assert.match(text ?? '', line);
  }

  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await client.closed, { code: 1012, reason: 'restarting' });
  assert.deepEqual(await exit, [0, null]);
});
