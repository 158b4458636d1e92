import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idOf, SESSION_COOKIE } from '@app/sessions/sessions';
import { generateKeyPair, type JWTPayload } from 'jose';
import { readConfig } from '../src/config.ts';
import { SIGN_IN_COOKIE } from '../src/identity/cookies.ts';
import { environment } from './environment.ts';
import { Browser, connected, FakeIssuer, inSeconds, people, read, stateStore } from './people.ts';
import { assertProblem, gateway } from './support.ts';

const redis = stateStore();

test('signs a person in, and back to where it was wanted', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const callback = await browser.choose(url, 'admin', '/v1/me?a=b');
  const back = await browser.ask(callback);
  assert.equal(back.headers.get('location'), '/v1/me?a=b');
  const me = await read(await browser.ask(`${url}/v1/me`));
  assert.deepEqual(me, { sub: 'admin', name: 'Ada Admin', roles: ['admin'], how: 'session' });
});

test('a session is a cookie that no page reads, and a hash in the store', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const back = await browser.ask(await browser.choose(url, 'alice'));
  const [line = ''] = back.headers.getSetCookie().filter((text) => text.startsWith(SESSION_COOKIE));
  assert.match(
    line,
    /^__Host-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  const keys = await redis.client().keys('*');
  assert.ok(keys.includes(`session:${idOf(secret)}`));
  assert.ok(!keys.some((key) => key.includes(secret)));
  const kept = await redis.client().get(`session:${idOf(secret)}`);
  assert.ok(!kept?.includes(secret));
});

test('no token of the issuer reaches the browser', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const back = await browser.ask(await browser.choose(url, 'alice'));
  const said = [...back.headers].flat().join() + (await back.text());
  assert.doesNotMatch(said, /eyJ/);
});

test('a sign-in has another secret each time, and ends the session of before', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const before = browser.cookie(url, SESSION_COOKIE) ?? '';
  await browser.signIn(url, 'alice');
  assert.notEqual(browser.cookie(url, SESSION_COOKIE), before);
  assert.equal(await redis.client().exists(`session:${idOf(before)}`), 0);
});

test('a secret that somebody else has put into the browser is not what a session begins with', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const planted = 'a'.repeat(43);
  browser.setCookie(url, SESSION_COOKIE, planted);
  await browser.signIn(url, 'alice');
  assert.notEqual(browser.cookie(url, SESSION_COOKIE), planted);
  const other = new Browser();
  other.setCookie(url, SESSION_COOKIE, planted);
  assert.equal((await other.ask(`${url}/v1/me`)).status, 401);
});

test('what the issuer sends back counts once', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const callback = await browser.choose(url, 'alice');
  const cookie = browser.cookie(url, SIGN_IN_COOKIE) ?? '';
  assert.equal((await browser.ask(callback)).status, 302);
  assert.equal(await redis.client().exists(`sign-in:${idOf(cookie)}`), 0);
  const thief = new Browser();
  thief.setCookie(url, SIGN_IN_COOKIE, cookie);
  const again = await thief.ask(callback);
  assert.equal(again.status, 400);
  const { type, instance } = await read(again);
  assert.deepEqual([type, instance], ['/problems/sign-in-not-begun', '/auth/callback']);
  assert.equal(thief.cookie(url, SESSION_COOKIE), undefined);
});

test('a code is worth nothing in a browser that has not asked for it', async (t) => {
  const { url } = await people(t, redis.url());
  const thief = new Browser();
  const stolen = await thief.choose(url, 'bob');
  // Another browser is sent there, to be signed in as bob without knowing it.
  const victim = new Browser();
  assert.equal((await victim.ask(stolen)).status, 400);
  await victim.follow(`${url}/auth/login`, '/interaction');
  assert.equal((await victim.ask(stolen)).status, 400);
  assert.equal(victim.cookie(url, SESSION_COOKIE), undefined);
});

test('an answer to another question of this browser is not taken', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  const callback = new URL(await browser.choose(url, 'alice'));
  callback.searchParams.set('state', 'another');
  assert.equal((await browser.ask(callback.href)).status, 400);
  assert.equal(browser.cookie(url, SESSION_COOKIE), undefined);
});

test('an ID token counts for this sign-in and this gateway alone', async (t) => {
  const { issuer } = await FakeIssuer.start(t);
  const app = await gateway(t, { REDIS_URL: redis.url(), OIDC_ISSUER: issuer.url });
  await connected(app);
  const { privateKey } = await generateKeyPair('ES256');
  const headers = { host: 'shop.example' };
  /** How it ends when the issuer answers with an ID token that says this. */
  const end = async (wrong: JWTPayload, by = {}): Promise<number> => {
    const begun = await app.inject({ url: '/auth/login', headers });
    const { searchParams } = new URL(String(begun.headers.location));
    issuer.idToken = await issuer.sign(
      {
        sub: 'alice',
        aud: 'gateway',
        iat: inSeconds(0),
        exp: inSeconds(60),
        nonce: searchParams.get('nonce'),
        ...wrong,
      },
      by,
    );
    const query = new URLSearchParams({ code: 'c', state: searchParams.get('state') ?? '' });
    const cookies = Object.fromEntries(begun.cookies.map(({ name, value }) => [name, value]));
    return (await app.inject({ url: `/auth/callback?${query}`, headers, cookies })).statusCode;
  };
  assert.equal(await end({}), 302);
  assert.equal(await end({ nonce: 'another' }), 400);
  assert.equal(await end({ aud: 'other' }), 400);
  assert.equal(await end({ iss: 'https://evil.example' }), 400);
  assert.equal(await end({ exp: inSeconds(-60) }), 400);
  assert.equal(await end({}, { key: privateKey }), 400);
});

test('nobody is sent elsewhere by a link to the sign-in', async (t) => {
  const app = await gateway(t);
  const elsewhere = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'evil',
    '',
  ];
  for (const to of elsewhere) {
    const answer = await app.inject(`/auth/login?${new URLSearchParams({ to })}`);
    assert.deepEqual(
      assertProblem(answer, 422, 'invalid-query').map(({ pointer }) => pointer),
      ['/to'],
      to,
    );
  }
});

test('a browser that knows the gateway by another name goes on at its own', async (t) => {
  const { app, url } = await people(t, redis.url());
  const answer = await app.inject({
    url: '/auth/login?to=/a',
    headers: { host: 'localhost:3000' },
  });
  assert.equal(answer.headers.location, `${url}/auth/login?to=%2Fa`);
});

test('who is not let in by the issuer learns so', async (t) => {
  const { url } = await people(t, redis.url());
  const answer = await new Browser().signIn(url, 'mallory');
  assert.equal(answer.status, 403);
  assert.equal((await read(answer)).type, '/problems/sign-in-refused');
});

test('nobody signs in while the issuer does not answer, and learns why', async (t) => {
  const { url, stopIssuer } = await people(t, redis.url());
  stopIssuer();
  const answer = await new Browser().ask(`${url}/auth/login`);
  assert.equal(answer.status, 503);
  assert.match((await read(answer)).detail, /Nobody can sign in now/);
});

test('where no issuer is named, that is said', async (t) => {
  const app = await gateway(t, { OIDC_ISSUER: '' });
  const answer = await app.inject('/auth/login');
  assertProblem(answer, 503, 'issuer-unavailable');
  assert.match(answer.json().detail, /OIDC_ISSUER/);
});

test('in production the issuer and the gateway are met by https', () => {
  const production = { ...environment, APP_ENV: 'production', API_KEYS_FILE: '/dev/null' };
  assert.doesNotThrow(() => readConfig(production));
  for (const [name, value] of [
    ['OIDC_ISSUER', ''],
    ['OIDC_ISSUER', 'http://login.example'],
    ['PUBLIC_URL', 'http://shop.example'],
  ] as const) {
    assert.throws(() => readConfig({ ...production, [name]: value }), new RegExp(name));
  }
});
