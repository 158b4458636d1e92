import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { freePort } from '@app/http/testing';
import { environment } from './environment.ts';

const server = join(import.meta.dirname, '../src/server.ts');

test('stops at boot when its configuration is not valid', async () => {
  const child = spawn(process.execPath, [server], {
    env: { ...environment, PORT: 'abc' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 1);
  assert.match(said, /^configuration is not valid:\n {2}PORT {2}must be a number .* got `abc`\n$/);
});

test('exits with 0 after SIGTERM', async (t) => {
  const own = await ports();
  const child = spawn(process.execPath, [server], {
    env: { ...environment, ...own, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.includes('Server listening')) child.kill('SIGTERM');
  }
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 0, lines.join('\n'));
});

test('what it says last before it exits is written', async (t) => {
  const own = await ports();
  const child = spawn(process.execPath, [server], {
    env: { ...environment, ...own, LOG_LEVEL: 'info', DRAIN_S: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (!line.includes('Server listening')) continue;
    const client = connect(Number(own.PORT), '127.0.0.1');
    client.on('error', () => {});
    // Behind a request that is answered, the beginning of one that never ends.
    client.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /livez HTTP/1.1\r\n');
    client.once('data', () => child.kill('SIGTERM'));
  }
  assert.match(lines.at(-1) ?? '', /still in flight/);
});

async function ports(): Promise<{ PORT: string; METRICS_PORT: string }> {
  return { PORT: String(await freePort()), METRICS_PORT: String(await freePort()) };
}
