import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test, type TestContext } from 'node:test';
import { freePort, keysFile } from '@app/http/testing';
import { readInternalToken } from '@app/identity/internal-token';
import { SESSION_COOKIE } from '@app/sessions/sessions';
import type { FastifyInstance } from 'fastify';
import { createLocalJWKSet } from 'jose';
import { Browser, connected, people, read, serve, stateStore } from './people.ts';
import { gateway } from './support.ts';

const redis = stateStore();

/** A service `shop`, which answers with the headers that reach it. */
async function startShop(t: TestContext): Promise<{ API_URLS: string }> {
  const port = await freePort();
  await serve(t, port, (request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.headers));
  });
  return { API_URLS: `shop=http://127.0.0.1:${port}` };
}

/** Who calls, as the service learns it. */
async function told(app: FastifyInstance, headers: IncomingHttpHeaders) {
  const keys = (await app.inject('/auth/keys')).json();
  const token = String(headers.authorization).replace('Bearer ', '');
  return await readInternalToken(token, 'shop', createLocalJWKSet(keys));
}

test('a service learns who calls by an internal token', async (t) => {
  const { app, url } = await people(t, redis.url(), await startShop(t));
  const browser = new Browser();
  await browser.signIn(url, 'admin');
  const headers = await read(await browser.ask(`${url}/v1/shop/items`));
  assert.deepEqual(await told(app, headers), {
    sub: 'user:admin',
    roles: ['admin'],
    how: 'session',
  });
});

test('a program with a key is known as well, and who says nothing is anonymous', async (t) => {
  const shop = await startShop(t);
  const open = await gateway(t, shop);
  const nobody = await open.inject('/v1/shop/items');
  assert.deepEqual(await told(open, nobody.json()), {
    sub: 'anonymous',
    roles: [],
    how: 'nothing',
  });
  const app = await gateway(t, { ...shop, API_KEYS_FILE: keysFile(t, { ci: 'secret' }) });
  const headers = { authorization: 'Bearer secret' };
  const answer = await app.inject({ url: '/v1/shop/items', headers });
  assert.deepEqual(await told(app, answer.json()), { sub: 'ci', roles: [], how: 'key' });
});

test('what the outside says of who calls is not passed on, nor what it is known by', async (t) => {
  const { app, url } = await people(t, redis.url(), await startShop(t));
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  const forged = [
    'x-user',
    'x-user-id',
    'x-forwarded-user',
    'x-forwarded-email',
    'x-remote-user',
    'remote-user',
    'x-auth-request-user',
    'x-auth-request-groups',
    'x-roles',
  ];
  const headers = Object.fromEntries(forged.map((name) => [name, 'admin']));
  const answer = await browser.ask(`${url}/v1/shop/items`, { headers });
  const text = await answer.text();
  for (const name of forged) assert.ok(!text.includes(`"${name}"`), name);
  assert.ok(!text.includes(secret));
  assert.equal((await told(app, JSON.parse(text))).sub, 'user:alice');
  // The name of the header that carries the token: what stands there comes from the gateway alone.
  const token = JSON.parse(text).authorization;
  const again = await app.inject({ url: '/v1/shop/items', headers: { authorization: token } });
  assert.equal(again.statusCode, 401);
});

test('services know the keys of all gateways, and of none that is gone', async (t) => {
  const first = await gateway(t, { REDIS_URL: redis.url() });
  const second = await gateway(t, { REDIS_URL: redis.url() });
  for (const app of [first, second]) await connected(app);
  const gone = JSON.stringify({ jwk: { kid: 'gone' }, until: Date.now() - 1 });
  await redis.client().hSet('gateway-keys', 'gone', gone);
  for (const { internalTokens } of [first, second]) {
    const told = JSON.stringify({ jwk: internalTokens.publicKey, until: Date.now() + 60_000 });
    await redis.client().hSet('gateway-keys', internalTokens.publicKey.kid, told);
  }
  for (const app of [first, second]) {
    const { keys } = (await app.inject('/auth/keys')).json();
    const kids = keys.map(({ kid }: { kid: string }) => kid);
    assert.ok(
      kids.includes(first.internalTokens.publicKey.kid) &&
        kids.includes(second.internalTokens.publicKey.kid),
    );
    assert.ok(!kids.includes('gone'));
    assert.ok(keys.every((key: object) => !('d' in key)));
  }
});
