import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { admission, createServer as createService } from '@app/http/server';
import { guard } from '@app/http/guard';
import { readEnvironment, serverSettings } from '@app/http/settings';
import { SignJWT, UnsecuredJWT } from 'jose';
import { z } from 'zod';
import { fromGateway } from '../src/service.ts';
import { Word } from '../src/word.ts';

const alice = { sub: 'user:alice', roles: ['admin'], how: 'session' as const };

/** A gateway that tells the keys of `words`, and counts how often it is asked. */
async function startGateway(t: TestContext, words: Word[]) {
  const asked = { count: 0 };
  const server = createServer((_request, response) => {
    asked.count += 1;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: words.map(({ publicKey }) => publicKey) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

/** A service behind the gateway at `url`, which answers who calls. */
async function startService(t: TestContext, url: string) {
  const settings = { SERVICE_NAME: 'orders', LOG_LEVEL: 'silent' };
  const schema = z.object(serverSettings('orders', 3080, 9464));
  const app = createService(readEnvironment(schema, settings));
  await app.register(admission);
  await app.register(fromGateway, { GATEWAY_URL: url, SERVICE_NAME: 'orders' });
  await app.register(guard);
  app.get('/', async ({ caller, roles }) => ({ caller, roles }));
  app.get('/open', { config: { public: true } }, async () => 'open');
  await app.ready();
  t.after(() => app.close());
  return async (token?: string, path = '/') =>
    await app.inject({
      url: path,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
}

test('knows who calls by the word of the gateway', async (t) => {
  const word = await Word.create();
  const { url, asked } = await startGateway(t, [word]);
  const ask = await startService(t, url);
  const answer = await ask(await word.give(alice, 'orders', 60));
  assert.deepEqual(answer.json(), { caller: 'user:alice', roles: ['admin'] });
  await ask(await word.give(alice, 'orders', 60));
  assert.equal(asked.count, 1);
});

test('a request that comes around the gateway is refused, but for what is public', async (t) => {
  const { url } = await startGateway(t, []);
  const ask = await startService(t, url);
  assert.equal((await ask()).statusCode, 401);
  assert.equal((await ask('a-key')).statusCode, 401);
  assert.equal((await ask(undefined, '/open')).statusCode, 200);
});

test('a word for another service, of another gateway or of earlier is nobody', async (t) => {
  const word = await Word.create();
  const { url } = await startGateway(t, [word]);
  const ask = await startService(t, url);
  const other = await Word.create();
  assert.equal((await ask(await word.give(alice, 'stock', 60))).statusCode, 401);
  assert.equal((await ask(await word.give(alice, 'orders', -6))).statusCode, 401);
  assert.equal((await ask(await other.give(alice, 'orders', 60))).statusCode, 401);
});

test('a word that is not signed, or by what everybody knows, is nobody', async (t) => {
  const word = await Word.create();
  const { url } = await startGateway(t, [word]);
  const ask = await startService(t, url);
  const claims = { ...alice, iss: 'gateway', aud: 'orders' };
  const unsigned = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('1 minute').encode();
  assert.equal((await ask(unsigned)).statusCode, 401);
  const secret = new TextEncoder().encode(JSON.stringify(word.publicKey));
  const symmetric = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: word.publicKey.kid })
    .setIssuedAt()
    .setExpirationTime('1 minute')
    .sign(secret);
  assert.equal((await ask(symmetric)).statusCode, 401);
});

test('the word of a gateway that has just started is taken at once', async (t) => {
  const words = [await Word.create()];
  const { url } = await startGateway(t, words);
  const ask = await startService(t, url);
  for (const _ of [1, 2]) {
    const word = await Word.create();
    words.push(word);
    assert.equal((await ask(await word.give(alice, 'orders', 60))).statusCode, 200);
  }
});

test('says so when it cannot ask for the keys', async (t) => {
  const word = await Word.create();
  const ask = await startService(t, 'http://127.0.0.1:1');
  assert.equal((await ask(await word.give(alice, 'orders', 60))).statusCode, 503);
});
