import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { guard } from '../src/guard.ts';
import { admission, createServer, health } from '../src/server.ts';
import { readEnvironment, serverSettings } from '../src/settings.ts';
import { keysFile } from '../testing/index.ts';

async function server(settings: Record<string, string> = {}) {
  const names = { SERVICE_NAME: 'service', LOG_LEVEL: 'silent' };
  const schema = z.object(serverSettings('service', 1, 2));
  const app = createServer(readEnvironment(schema, { ...names, ...settings }));
  await app.register(admission);
  await app.register(guard);
  await app.register(health);
  app.get('/things/:id', () => 'a thing');
  app.get('/files/*', (_request, reply) => reply.callNotFound());
  return app;
}

test('tells what is not there from a method that is not allowed', async () => {
  const app = await server();
  for (const [method, url, expected, allow] of [
    ['GET', '/things/1?a=/', 200, undefined],
    ['GET', '/things/1/2', 404, undefined],
    ['GET', '/files/1', 404, undefined],
    ['PUT', '/things/1?a=/', 405, 'GET, HEAD'],
    ['PUT', '/files/1/2', 405, 'GET, HEAD'],
  ] as const) {
    const { statusCode, headers } = await app.inject({ method, url });
    assert.deepEqual([statusCode, headers['allow']], [expected, allow], `${method} ${url}`);
  }
});

test('who has no valid key learns nothing of what there is', async (t) => {
  const app = await server({ API_KEYS_FILE: keysFile(t, { shop: 'secret' }) });
  for (const [method, url] of [
    ['GET', '/things/1'],
    ['PUT', '/things/1'],
    ['GET', '/nowhere'],
  ] as const) {
    const refused = await app.inject({ method, url });
    const { 'www-authenticate': how, allow } = refused.headers;
    assert.deepEqual([refused.statusCode, how, allow], [401, 'Bearer', undefined]);
  }
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  const headers = { authorization: 'Bearer secret' };
  assert.equal((await app.inject({ url: '/things/1', headers })).statusCode, 200);
});
