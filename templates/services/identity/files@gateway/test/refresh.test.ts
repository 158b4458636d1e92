import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_SECRET } from '@app/issuer';
import { idOf, SESSION_COOKIE } from '@app/sessions/sessions';
import { Browser, connected, people, serve, stateStore } from './people.ts';
import { gateway } from './support.ts';

const redis = stateStore();
// Each request finds an access token that is about to end.
const atOnce = { REFRESH_AHEAD_S: '600' };

async function refreshToken(browser: Browser, url: string): Promise<string> {
  const key = `session:${idOf(browser.cookie(url, SESSION_COOKIE) ?? '')}`;
  return JSON.parse((await redis.client().get(key)) ?? '{}').refreshToken;
}

/** As a thief does who has taken it from the gateway. */
async function useToken(issuerUrl: string, token: string): Promise<Response> {
  return await fetch(`${issuerUrl}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`gateway:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
  });
}

test('a token is renewed before it ends, once for all who come meanwhile', async (t) => {
  const { url, provider } = await people(t, redis.url(), atOnce);
  let grants = 0;
  provider.on('grant.success', () => (grants += 1));
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const before = await refreshToken(browser, url);
  grants = 0;
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.ask(`${url}/v1/me`)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.ok(grants >= 1 && grants <= 3, String(grants));
  assert.notEqual(await refreshToken(browser, url), before);
});

test('a token that was renewed meanwhile is not used again', async (t) => {
  const { app, url } = await people(t, redis.url(), atOnce);
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  const before = await app.sessions.find(secret);
  assert.ok(before);
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  // As a gateway does that has read the session before another one has renewed its token.
  assert.ok(await app.refresh?.ifDue(before));
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
});

test('of several gateways one renews a token', async (t) => {
  const { app, url, issuerUrl } = await people(t, redis.url(), atOnce);
  const settings = { ...atOnce, REDIS_URL: redis.url(), OIDC_ISSUER: issuerUrl, PUBLIC_URL: url };
  const other = await gateway(t, { ...settings, OIDC_CLIENT_SECRET: CLIENT_SECRET });
  await connected(other);
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const cookies = { [SESSION_COOKIE]: browser.cookie(url, SESSION_COOKIE) ?? '' };
  for (let round = 0; round < 5; round += 1) {
    const asked = [app, other, app, other].map((one) => one.inject({ url: '/v1/me', cookies }));
    for (const answer of await Promise.all(asked)) assert.equal(answer.statusCode, 200);
  }
});

test('a token that lasts is not renewed', async (t) => {
  const { url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const before = await refreshToken(browser, url);
  await browser.ask(`${url}/v1/me`);
  assert.equal(await refreshToken(browser, url), before);
});

test('a refresh token that was used by a thief ends the session', async (t) => {
  const { url, issuerUrl } = await people(t, redis.url(), atOnce);
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const stolen = await refreshToken(browser, url);
  assert.equal((await useToken(issuerUrl, stolen)).status, 200);
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
  assert.equal((await useToken(issuerUrl, stolen)).status, 400);
  const secret = browser.cookie(url, SESSION_COOKIE) ?? '';
  assert.equal(await redis.client().exists(`session:${idOf(secret)}`), 0);
});

test('who is signed in stays so where the issuer has renewed a token and its answer was lost', async (t) => {
  const { url, provider } = await people(t, redis.url(), { ...atOnce, ISSUER_PATIENCE_S: '1' });
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  provider.once('grant.success', ({ req }) => req.socket.destroy());
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  // For so long the issuer is not asked again.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  assert.equal(await refreshToken(browser, url), undefined);
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
});

test('an issuer that has refused otherwise before has lost no answer', async (t) => {
  const { url, issuerUrl, stopIssuer, startIssuer } = await people(t, redis.url(), {
    ...atOnce,
    ISSUER_PATIENCE_S: '1',
  });
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const stolen = await refreshToken(browser, url);
  stopIssuer();
  const stopBusy = await serve(t, Number(new URL(issuerUrl).port), (_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'temporarily_unavailable' }));
  });
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  stopBusy();
  await startIssuer();
  assert.equal((await useToken(issuerUrl, stolen)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
});

test('a session that was lost while there was no connection to the issuer has ended', async (t) => {
  const { url, issuerUrl, stopIssuer, startIssuer } = await people(t, redis.url(), {
    ...atOnce,
    ISSUER_PATIENCE_S: '1',
  });
  const browser = new Browser();
  await browser.arrive(url, 'alice');
  const stolen = await refreshToken(browser, url);
  stopIssuer();
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  await startIssuer();
  assert.equal((await useToken(issuerUrl, stolen)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 401);
});

test('who is signed in stays so while the issuer does not answer, and is asked for after', async (t) => {
  const { url, stopIssuer, startIssuer } = await people(t, redis.url(), {
    ...atOnce,
    ISSUER_PATIENCE_S: '1',
  });
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const before = await refreshToken(browser, url);
  stopIssuer();
  for (const _ of [1, 2, 3]) assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  await startIssuer();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.equal((await browser.ask(`${url}/v1/me`)).status, 200);
  assert.notEqual(await refreshToken(browser, url), before);
});
