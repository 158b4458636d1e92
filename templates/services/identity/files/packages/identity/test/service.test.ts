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
import { InternalTokens } from '../src/internal-token.ts';

const alice = { sub: 'user:alice', roles: ['admin'], how: 'session' as const };

/** A gateway that tells the keys of `gateways`, and counts how often it is asked. */
async function startGateway(t: TestContext, gateways: InternalTokens[]) {
  const asked = { count: 0 };
  const server = createServer((_request, response) => {
    asked.count += 1;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: gateways.map(({ publicKey }) => publicKey) }));
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

test('knows who calls by the internal token', async (t) => {
  const tokens = await InternalTokens.create();
  const { url, asked } = await startGateway(t, [tokens]);
  const ask = await startService(t, url);
  const answer = await ask(await tokens.issue(alice, 'orders', 60));
  assert.deepEqual(answer.json(), { caller: 'user:alice', roles: ['admin'] });
  await ask(await tokens.issue(alice, 'orders', 60));
  assert.equal(asked.count, 1);
});

test('a request that comes around the gateway is refused, but for what is public', async (t) => {
  const { url } = await startGateway(t, []);
  const ask = await startService(t, url);
  assert.equal((await ask()).statusCode, 401);
  assert.equal((await ask('a-key')).statusCode, 401);
  assert.equal((await ask(undefined, '/open')).statusCode, 200);
});

test('a token for another service, of another gateway or of earlier is nobody', async (t) => {
  const tokens = await InternalTokens.create();
  const { url } = await startGateway(t, [tokens]);
  const ask = await startService(t, url);
  const other = await InternalTokens.create();
  assert.equal((await ask(await tokens.issue(alice, 'stock', 60))).statusCode, 401);
  assert.equal((await ask(await tokens.issue(alice, 'orders', -6))).statusCode, 401);
  assert.equal((await ask(await other.issue(alice, 'orders', 60))).statusCode, 401);
});

test('a token that is not signed, or by what everybody knows, is nobody', async (t) => {
  const tokens = await InternalTokens.create();
  const { url } = await startGateway(t, [tokens]);
  const ask = await startService(t, url);
  const claims = { ...alice, iss: 'gateway', aud: 'orders' };
  const unsigned = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('1 minute').encode();
  assert.equal((await ask(unsigned)).statusCode, 401);
  const secret = new TextEncoder().encode(JSON.stringify(tokens.publicKey));
  const symmetric = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: tokens.publicKey.kid })
    .setIssuedAt()
    .setExpirationTime('1 minute')
    .sign(secret);
  assert.equal((await ask(symmetric)).statusCode, 401);
});

test('the token of a gateway that has just started is taken at once', async (t) => {
  const gateways = [await InternalTokens.create()];
  const { url } = await startGateway(t, gateways);
  const ask = await startService(t, url);
  for (const _ of [1, 2]) {
    const tokens = await InternalTokens.create();
    gateways.push(tokens);
    assert.equal((await ask(await tokens.issue(alice, 'orders', 60))).statusCode, 200);
  }
});

test('says so when it cannot ask for the keys', async (t) => {
  const tokens = await InternalTokens.create();
  const ask = await startService(t, 'http://127.0.0.1:1');
  assert.equal((await ask(await tokens.issue(alice, 'orders', 60))).statusCode, 503);
});
