import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { CLIENT_SECRET } from '@app/issuer';
import { generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { keysAddress } from '../src/identity/issuer.ts';
import { FakeIssuer, inSeconds, people, read, stateStore } from './people.ts';
import { assertProblem, gateway } from './support.ts';

const redis = stateStore();
const audience = 'https://shop.example';

/** A gateway with an issuer, and how it answers a program with a token. */
async function program(t: TestContext, settings: Record<string, string> = {}) {
  const { issuer, stop } = await FakeIssuer.start(t);
  const app = await gateway(t, { OIDC_ISSUER: issuer.url, ...settings });
  const ask = async (token: string) =>
    await app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${token}` } });
  const claims: JWTPayload = { sub: 'ci', aud: audience, iat: inSeconds(0), exp: inSeconds(60) };
  return { issuer, stop, ask, claims };
}

test('knows a program by a token of the issuer', async (t) => {
  const { issuer, ask, claims } = await program(t);
  const token = await issuer.sign({ ...claims, name: 'CI', roles: ['admin'] });
  const answer = await ask(token);
  assert.deepEqual(answer.json(), { sub: 'ci', name: 'CI', roles: ['admin'], how: 'token' });
});

test('finds the roles where the issuer puts them', async (t) => {
  const { issuer, ask, claims } = await program(t, { OIDC_ROLES_CLAIM: 'realm_access.roles' });
  const token = await issuer.sign({ ...claims, realm_access: { roles: ['a'] }, roles: ['b'] });
  assert.deepEqual((await ask(token)).json().roles, ['a']);
});

test('takes a token of the development issuer', async (t) => {
  const { url, issuerUrl } = await people(t, redis.url());
  const response = await fetch(`${issuerUrl}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`program:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  const { access_token: token } = await read(response);
  const me = await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual(await read(me), { sub: 'program', roles: [], how: 'token' });
});

const BAD: Record<string, JWTPayload> = {
  'that has ended': { exp: inSeconds(-31) },
  'that never ends': { exp: undefined as never },
  'that begins later': { nbf: inSeconds(600) },
  'for somebody else': { aud: 'https://other.example' },
  'of another issuer': { iss: 'https://evil.example' },
  'about nobody': { sub: '' },
};

for (const [what, wrong] of Object.entries(BAD)) {
  test(`a token ${what} is not taken`, async (t) => {
    const { issuer, ask, claims } = await program(t);
    const answer = await ask(await issuer.sign({ ...claims, ...wrong }));
    assertProblem(answer, 401, 'unauthorized');
    assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"');
  });
}

test('clocks may differ by as much as they are allowed to', async (t) => {
  const { issuer, ask, claims } = await program(t, { CLOCK_TOLERANCE_S: '60' });
  for (const [seconds, status] of [
    [-55, 200],
    [-65, 401],
  ] as const) {
    assert.equal(
      (await ask(await issuer.sign({ ...claims, exp: inSeconds(seconds) }))).statusCode,
      status,
    );
  }
  for (const [seconds, status] of [
    [55, 200],
    [65, 401],
  ] as const) {
    assert.equal(
      (await ask(await issuer.sign({ ...claims, nbf: inSeconds(seconds) }))).statusCode,
      status,
    );
  }
});

test('a token that nobody has signed is not taken', async (t) => {
  const { issuer, ask, claims } = await program(t);
  const token = new UnsecuredJWT({ iss: issuer.url, ...claims }).encode();
  assertProblem(await ask(token), 401, 'unauthorized');
});

test('a token that is signed with what everybody knows is not taken', async (t) => {
  const { issuer, ask, claims } = await program(t);
  const secret = new TextEncoder().encode(JSON.stringify(issuer.jwks()[0]));
  const token = await new SignJWT({ iss: issuer.url, ...claims })
    .setProtectedHeader({ alg: 'HS256', kid: 'first' })
    .sign(secret);
  assertProblem(await ask(token), 401, 'unauthorized');
});

test('a token that another key has signed is not taken', async (t) => {
  const { issuer, ask, claims } = await program(t);
  const { privateKey } = await generateKeyPair('ES256');
  assertProblem(await ask(await issuer.sign(claims, { key: privateKey })), 401, 'unauthorized');
});

test('takes a new key of the issuer without a restart, and one that is gone no more', async (t) => {
  const { issuer, ask, claims } = await program(t, { ISSUER_KEYS_PAUSE_S: '1' });
  const old = await issuer.sign(claims);
  assert.equal((await ask(old)).statusCode, 200);
  await issuer.addKey('second');
  issuer.removeKey('first');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await ask(await issuer.sign(claims, { kid: 'second' }))).statusCode, 200);
  assertProblem(await ask(old), 401, 'unauthorized');
});

test('a key that changes under load costs no valid token its answer', async (t) => {
  const { issuer, ask, claims } = await program(t, {
    ISSUER_KEYS_PAUSE_S: '1',
    RATE_LIMIT_PER_MINUTE: '100000',
  });
  const refused: number[] = [];
  let asked = 0;
  let kid = 'first';
  let running = true;
  const clients = Array.from({ length: 8 }, async () => {
    while (running) {
      const { statusCode } = await ask(await issuer.sign(claims, { kid }));
      asked += 1;
      if (statusCode !== 200) refused.push(statusCode);
    }
  });
  const more = async () => {
    const enough = asked + 200;
    while (asked < enough) await new Promise(setImmediate);
  };
  await more();
  // As issuers do: the new key is there before anything is signed with it, and the old one until
  // nothing is left that it has signed.
  await issuer.addKey('second');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  kid = 'second';
  await more();
  issuer.removeKey('first');
  await more();
  running = false;
  await Promise.all(clients);
  assert.deepEqual(refused, []);
});

test('an issuer that is met by https names no keys that are met otherwise', () => {
  const named = 'http://169.254.169.254/keys';
  assert.throws(() => keysAddress('https://login.example', named), /not of https/);
  assert.equal(keysAddress('http://127.0.0.1:3090', named).href, named);
  assert.equal(keysAddress('https://a.example', 'https://b.example/keys').host, 'b.example');
});

test('keys that nobody knows make the issuer no work', async (t) => {
  const { issuer, ask, claims } = await program(t);
  const { privateKey } = await generateKeyPair('ES256');
  const answers = Array.from({ length: 50 }, async (_, number) =>
    ask(await issuer.sign(claims, { kid: `unknown-${number}`, key: privateKey })),
  );
  for (const answer of await Promise.all(answers)) assert.equal(answer.statusCode, 401);
  assert.deepEqual(issuer.asked, { keys: 1, discovery: 1, token: 0 });
});

test('tokens with a known key are taken while the issuer does not answer, and no others', async (t) => {
  const { issuer, stop, ask, claims } = await program(t, { ISSUER_KEYS_PAUSE_S: '1' });
  assert.equal((await ask(await issuer.sign(claims))).statusCode, 200);
  stop();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await ask(await issuer.sign(claims))).statusCode, 200);
  await issuer.addKey('second');
  const answer = await ask(await issuer.sign(claims, { kid: 'second' }));
  assertProblem(answer, 401, 'unauthorized');
});

test('where the issuer has never answered it is not known who calls', async (t) => {
  const { issuer, stop, ask, claims } = await program(t);
  stop();
  assertProblem(await ask(await issuer.sign(claims)), 503, 'issuer-unavailable');
});

test('guessing tokens is limited', async (t) => {
  const { ask } = await program(t, { RATE_LIMIT_PER_MINUTE: '2' });
  for (const status of [401, 401, 429]) assert.equal((await ask('a.b.c')).statusCode, status);
});

test('ID tokens are for the client, which is no audience of bearer tokens', async (t) => {
  await assert.rejects(gateway(t, { OIDC_AUDIENCE: 'gateway' }), /OIDC_AUDIENCE .*must not be/);
  const named = { OIDC_AUDIENCE: 'shop', OIDC_CLIENT_ID: 'shop' };
  await assert.rejects(gateway(t, named), /OIDC_AUDIENCE .*must not be/);
  const url = { PUBLIC_URL: 'https://shop.example', OIDC_CLIENT_ID: 'https://shop.example' };
  await assert.rejects(gateway(t, url), /OIDC_AUDIENCE .*must not be/);
  await gateway(t, { OIDC_AUDIENCE: 'gateway', OIDC_CLIENT_ID: 'shop' });
});
