import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { hashKey } from '@app/http/callers';
import { keysFile } from '@app/http/testing';
import { CLIENT_SECRET } from '@app/issuer';
import { idOf, SESSION_COOKIE } from '@app/sessions/sessions';
import { Browser, connected, people, read, stateStore } from './people.ts';
import { assertProblem, gateway } from './support.ts';

const redis = stateStore();

/** Lets so long go by without a request: for the gateway, whose clock stands still else, and in the store. */
async function leave(t: TestContext, secret: string, ms: number): Promise<void> {
  t.mock.timers.tick(ms);
  const key = `session:${idOf(secret)}`;
  const left = await redis.client().pTTL(key);
  await redis.client().pExpire(key, left - ms);
}

test('who is signed in sees where, and ends one or all of it', async (t) => {
  await redis.client().flushAll();
  const { url } = await people(t, redis.url());
  const [first, second, third] = [new Browser(), new Browser(), new Browser()];
  for (const browser of [first, second, third]) await browser.signIn(url, 'alice');
  const list = async () => (await read(await first.ask(`${url}/v1/sessions`))).sessions;
  const listed = await list();
  assert.deepEqual(
    listed.map(({ current }: { current: boolean }) => current),
    [false, false, true],
  );
  assert.equal((await first.askHere(`${url}/v1/sessions/${listed[1].id}`, 'DELETE')).status, 204);
  assert.equal((await second.ask(`${url}/v1/me`)).status, 401);
  assert.equal((await list()).length, 2);
  assert.equal((await first.askHere(`${url}/v1/sessions`, 'DELETE')).status, 204);
  for (const browser of [first, third]) {
    assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
  }
});

test('sessions of others are not there', async (t) => {
  const { url } = await people(t, redis.url());
  const [alice, bob] = [new Browser(), new Browser()];
  await alice.signIn(url, 'alice');
  await bob.signIn(url, 'bob');
  const id = idOf(bob.cookie(url, SESSION_COOKIE) ?? '');
  const answer = await alice.askHere(`${url}/v1/sessions/${id}`, 'DELETE');
  assert.equal(answer.status, 404);
  const unknown = await alice.askHere(`${url}/v1/sessions/${'a'.repeat(43)}`, 'DELETE');
  assert.equal((await read(answer)).detail, (await read(unknown)).detail);
  assert.equal((await bob.ask(`${url}/v1/me`)).status, 200);
});

test('what is shown of a session is no way into it', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const { sessions } = await read(await browser.ask(`${url}/v1/sessions`));
  const thief = new Browser();
  thief.setCookie(url, SESSION_COOKIE, sessions[0].id);
  assert.equal((await thief.ask(`${url}/v1/me`)).status, 401);
});

test('another page does nothing for who is signed in', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const others: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `${url}0` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    {},
  ];
  for (const headers of others) {
    for (const [method, path] of [
      ['POST', '/auth/logout'],
      ['DELETE', '/v1/sessions'],
    ] as const) {
      const answer = await browser.ask(`${url}${path}`, { method, headers });
      assert.equal(answer.status, 403, JSON.stringify(headers));
    }
  }
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  const headers = { 'sec-fetch-site': 'same-origin' };
  const answer = await browser.ask(`${url}/v1/sessions`, { method: 'DELETE', headers });
  assert.equal(answer.status, 204);
});

test('a sign-out in one tab is one in all, here and at the issuer', async (t) => {
  const { url, issuerUrl } = await people(t, redis.url());
  const [tab, phone] = [new Browser(), new Browser()];
  await tab.signIn(url, 'alice');
  await phone.signIn(url, 'alice');
  const secret = tab.cookie(url, SESSION_COOKIE) ?? '';
  const { to } = await read(await tab.askHere(`${url}/auth/logout`, 'POST'));
  assert.ok(to.startsWith(`${issuerUrl}/session/end?`));
  const otherTab = new Browser();
  otherTab.setCookie(url, SESSION_COOKIE, secret);
  assert.equal((await otherTab.ask(`${url}/v1/me`)).status, 401);
  assert.equal((await phone.ask(`${url}/v1/me`)).status, 200);
});

test('a session that ended elsewhere has ended here, also where it was read just now', async (t) => {
  const { app, url, issuerUrl } = await people(t, redis.url());
  const settings = { REDIS_URL: redis.url(), OIDC_ISSUER: issuerUrl, PUBLIC_URL: url };
  const other = await gateway(t, { ...settings, OIDC_CLIENT_SECRET: CLIENT_SECRET });
  await connected(other);
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  const asked = async () =>
    (await other.inject({ url: '/v1/me', cookies: { [SESSION_COOKIE]: secret } })).statusCode;
  assert.deepEqual([await asked(), await asked()], [200, 200]);
  const found = await app.sessions.read(idOf(secret));
  assert.ok(found);
  await app.sessions.end(found);
  const ended = performance.now();
  while ((await asked()) !== 401) await new Promise(setImmediate);
  assert.ok(performance.now() - ended < 1_000);
});

test('a session ends after a time without a request, and each request prolongs it', async (t) => {
  const settings = { SESSION_IDLE_S: '600' };
  const { url } = await people(t, redis.url(), settings, { accessTokenS: 3_600 });
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  for (const _ of [1, 2, 3]) {
    await leave(t, secret, 500_000);
    assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  }
  await leave(t, secret, 601_000);
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
});

test('a session ends in time, whatever happens', async (t) => {
  // So long that the issuer is not asked.
  const { url } = await people(t, redis.url(), {}, { accessTokenS: 3_600 });
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const key = `session:${idOf(browser.cookie(url, SESSION_COOKIE) ?? '')}`;
  const kept = JSON.parse((await redis.client().get(key)) ?? '');
  // Long enough for a request to prolong it.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 600_000 });
  const nearly = JSON.stringify({ ...kept, ends: Date.now() + 60_000 });
  await redis.client().set(key, nearly, { expiration: { type: 'PX', value: 10_000 } });
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  assert.ok((await redis.client().pTTL(key)) <= 60_000);
  const over = JSON.stringify({ ...kept, ends: Date.now() });
  await redis.client().set(key, over, { expiration: 'KEEPTTL' });
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
});

test('who is not known is nobody, and an API key is no person', async (t) => {
  const keys = keysFile(t, { shop: 'secret' });
  const app = await gateway(t, { API_KEYS_FILE: keys });
  assertProblem(await app.inject('/v1/me'), 401, 'unauthorized');
  const headers = { authorization: 'Bearer secret' };
  const me = await app.inject({ url: '/v1/me', headers });
  assert.deepEqual(me.json(), { sub: 'shop', roles: [], how: 'key' });
  assertProblem(await app.inject({ url: '/v1/sessions', headers }), 403, 'people-only');
  assertProblem(await (await gateway(t)).inject('/v1/me'), 401, 'unauthorized');
});

test('API keys come and go without a restart', async (t) => {
  const keys = keysFile(t, { shop: 'secret' });
  const app = await gateway(t, { API_KEYS_FILE: keys });
  const ask = async (key: string) =>
    (await app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${key}` } })).statusCode;
  assert.equal(await ask('new'), 401);
  appendFileSync(keys, `ci:${hashKey('new')}\n`);
  while ((await ask('new')) !== 200) await new Promise(setImmediate);
  // What cannot be read takes nobody's key away.
  appendFileSync(keys, 'nonsense\n');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal(await ask('secret'), 200);
});

test('where people sign in nobody reaches a route without saying who', async (t) => {
  const { url } = await people(t, redis.url(), { API_KEYS_FILE: keysFile(t, {}) });
  const browser = new Browser();
  assert.equal((await browser.ask(`${url}/v1/hello`)).status, 401);
  await browser.signIn(url, 'alice');
  assert.equal((await browser.ask(`${url}/v1/hello`)).status, 200);
});
