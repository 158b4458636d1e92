import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { Browser, connected, FakeIssuer, inSeconds, people, stateStore } from './people.ts';
import { assertProblem, gateway } from './support.ts';

const redis = stateStore();
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Alice and bob are signed in, alice twice; an issuer that can say what it likes. */
async function system(t: TestContext) {
  await redis.client().flushAll();
  const { issuer } = await FakeIssuer.start(t);
  const app = await gateway(t, { REDIS_URL: redis.url(), OIDC_ISSUER: issuer.url });
  await connected(app);
  const begin = async (sub: string, sid: string) =>
    await app.sessions.begin({ sub, sid, roles: [], idToken: '', agent: '' });
  await begin('alice', 'laptop');
  await begin('alice', 'phone');
  await begin('bob', 'desk');
  const claims = (): JWTPayload => ({
    aud: 'gateway',
    iat: inSeconds(0),
    exp: inSeconds(60),
    jti: randomUUID(),
    events: { [EVENT]: {} },
    sid: 'laptop',
  });
  return { app, issuer, claims };
}

async function tell(app: FastifyInstance, token: string) {
  return await app.inject({
    method: 'POST',
    url: '/auth/backchannel-logout',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ logout_token: token }).toString(),
  });
}

/** What the sessions are called that have not ended. */
async function left(app: FastifyInstance): Promise<(string | undefined)[]> {
  const found = [...(await app.sessions.list('alice')), ...(await app.sessions.list('bob'))];
  return found.map(({ session }) => session.sid).toSorted();
}

test('the issuer ends one session, or all of a person', async (t) => {
  const { app, issuer, claims } = await system(t);
  const answer = await tell(app, await issuer.sign(claims()));
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(await left(app), ['desk', 'phone']);
  const { sid: _, ...all } = claims();
  assert.equal((await tell(app, await issuer.sign({ ...all, sub: 'alice' }))).statusCode, 200);
  assert.deepEqual(await left(app), ['desk']);
});

test('a sign-out at the development issuer ends the session here', async (t) => {
  const { url, issuerUrl } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const form = await (await browser.ask(`${issuerUrl}/session/end`)).text();
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(form) ?? [];
  const body = new URLSearchParams({ xsrf, logout: 'yes' });
  await browser.ask(`${issuerUrl}/session/end/confirm`, { method: 'POST', body });
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
});

const BAD: Record<string, JWTPayload> = {
  'for another client': { aud: 'other' },
  'of another issuer': { iss: 'https://evil.example' },
  'that has ended': { exp: inSeconds(-60) },
  'that never ends': { exp: undefined as never },
  'of long ago': { iat: inSeconds(-600) },
  'of nobody knows when': { iat: undefined as never },
  'of later': { iat: inSeconds(600) },
  'without an event': { events: undefined },
  'of another event': { events: { 'https://evil.example': {} } },
  'whose event is no object': { events: { [EVENT]: true } },
  'about no session and nobody': { sid: undefined },
  'with a nonce, as an ID token has': { nonce: 'n' },
  'without an id': { jti: undefined as never },
};

for (const [what, wrong] of Object.entries(BAD)) {
  test(`a logout token ${what} ends nothing`, async (t) => {
    const { app, issuer, claims } = await system(t);
    const answer = await tell(app, await issuer.sign({ ...claims(), ...wrong }));
    assertProblem(answer, 400, 'logout-token-invalid');
    assert.deepEqual(await left(app), ['desk', 'laptop', 'phone']);
  });
}

test('a logout token that the issuer has not signed ends nothing', async (t) => {
  const { app, issuer, claims } = await system(t);
  const { privateKey } = await generateKeyPair('ES256');
  const whole = { iss: issuer.url, ...claims() };
  const secret = new TextEncoder().encode(JSON.stringify(issuer.jwks()[0]));
  const tokens = [
    await issuer.sign(claims(), { key: privateKey }),
    new UnsecuredJWT(whole).encode(),
    await new SignJWT(whole).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(secret),
    'nonsense',
  ];
  for (const token of tokens) assertProblem(await tell(app, token), 400, 'logout-token-invalid');
  assert.deepEqual(await left(app), ['desk', 'laptop', 'phone']);
});

test('a logout token counts once', async (t) => {
  const { app, issuer, claims } = await system(t);
  const token = await issuer.sign(claims());
  assert.equal((await tell(app, token)).statusCode, 200);
  await app.sessions.begin({ sub: 'alice', sid: 'laptop', roles: [], idToken: '', agent: '' });
  assertProblem(await tell(app, token), 400, 'logout-token-invalid');
  assert.deepEqual(await left(app), ['desk', 'laptop', 'phone']);
});

test('what is no logout token is not read', async (t) => {
  const { app } = await system(t);
  const answer = await app.inject({
    method: 'POST',
    url: '/auth/backchannel-logout',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=b',
  });
  assertProblem(answer, 422, 'invalid-body');
});
