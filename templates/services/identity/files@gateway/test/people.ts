import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { after, before, type TestContext } from 'node:test';
import { freePort } from '@app/http/testing';
import { createIssuer, CLIENT_SECRET } from '@app/issuer';
import { connect, type RedisClient } from '@app/state';
import { TestRedis } from '@app/state/testing';
import type { FastifyInstance } from 'fastify';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { gateway } from './support.ts';

/** A Redis for the tests of a file, and a client that looks into it. */
export function stateStore(): { url: () => string; client: () => RedisClient } {
  let redis: TestRedis;
  let client: RedisClient;
  before(async () => {
    redis = await TestRedis.start();
    client = connect(redis.url, 'test', { info() {}, warn() {} });
    await once(client, 'ready');
  });
  after(async () => {
    client.destroy();
    await redis.end();
  });
  return { url: () => redis.url, client: () => client };
}

/** A server at a port of this machine, until its test ends. */
export async function serve(t: TestContext, port: number, answer: RequestListener) {
  const server = createServer(answer).listen(port, '127.0.0.1');
  // No connection outlives its answer: a client that has not yet seen its end would ask by it.
  server.maxRequestsPerSocket = 1;
  await once(server, 'listening');
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  t.after(stop);
  return stop;
}

/** A gateway where people sign in at the development issuer, both of them listening. */
export async function people(
  t: TestContext,
  redisUrl: string,
  settings: Record<string, string> = {},
  options: { accessTokenS?: number } = {},
) {
  const issuerPort = await freePort();
  const port = await freePort();
  const issuerUrl = `http://127.0.0.1:${issuerPort}`;
  const url = `http://127.0.0.1:${port}`;
  const provider = await createIssuer({
    url: issuerUrl,
    clients: [{ id: 'gateway', url }],
    ...options,
  });
  const stopIssuer = await serve(t, issuerPort, provider.callback());
  const app = await gateway(t, {
    REDIS_URL: redisUrl,
    OIDC_ISSUER: issuerUrl,
    OIDC_CLIENT_SECRET: CLIENT_SECRET,
    PUBLIC_URL: url,
    ...settings,
  });
  await app.listen({ port, host: '127.0.0.1' });
  await connected(app);
  const startIssuer = async () => await serve(t, issuerPort, provider.callback());
  return { app, url, issuerUrl, provider, stopIssuer, startIssuer };
}

/** Returns when a gateway reaches its state store. */
export async function connected(app: FastifyInstance): Promise<void> {
  for (;;) {
    try {
      await app.state.ask(async (redis) => redis.ping());
      await app.sessions.read('nobody');
      return;
    } catch {
      await new Promise(setImmediate);
    }
  }
}

/** As much of a browser as a sign-in needs: cookies, and links that are followed by hand. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  cookie(url: string, name: string): string | undefined {
    return this.#of(url).get(name);
  }

  setCookie(url: string, name: string, value: string): void {
    this.#of(url).set(name, value);
  }

  async ask(url: string, init: RequestInit = {}): Promise<Response> {
    const cookies = this.#of(url);
    const headers = new Headers(init.headers);
    const text = [...cookies].map((pair) => pair.join('=')).join('; ');
    if (text !== '') headers.set('cookie', text);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  }

  /** Asks from a page of the same origin. */
  async askHere(url: string, method: string): Promise<Response> {
    return await this.ask(url, { method, headers: { origin: new URL(url).origin } });
  }

  /** Follows links, up to one to a path that begins so, or to what answers otherwise. */
  async follow(url: string, until = '\n'): Promise<{ url: string; response: Response }> {
    for (;;) {
      const response = await this.ask(url);
      const location = response.headers.get('location');
      if (location === null) return { url, response };
      url = new URL(location, url).href;
      if (new URL(url).pathname.startsWith(until)) return { url, response };
    }
  }

  /** Goes to the issuer and says who is there; the address that the issuer sends the browser to. */
  async choose(gatewayUrl: string, login: string, to = '/v1/me'): Promise<string> {
    const begin = `${gatewayUrl}/auth/login?${new URLSearchParams({ to })}`;
    const { url, response } = await this.follow(begin, '/auth/callback');
    if (new URL(url).pathname === '/auth/callback') return url;
    assert.match(await response.text(), /Sign in as/);
    const chosen = await this.ask(url, { method: 'POST', body: new URLSearchParams({ login }) });
    const next = new URL(chosen.headers.get('location') ?? '', url).href;
    return (await this.follow(next, '/auth/callback')).url;
  }

  /** Signs in, and stays where that ends: nothing is asked for by the session yet. */
  async arrive(gatewayUrl: string, login: string): Promise<void> {
    await this.ask(await this.choose(gatewayUrl, login));
  }

  /** Signs in, and returns what is there then. */
  async signIn(gatewayUrl: string, login: string, to = '/v1/me'): Promise<Response> {
    const callback = await this.choose(gatewayUrl, login, to);
    return (await this.follow(callback)).response;
  }

  #of(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const cookies = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, cookies);
    return cookies;
  }
}

/** An issuer that signs whatever a test wants, and counts who asks for its keys. */
export class FakeIssuer {
  readonly url: string;
  readonly asked = { keys: 0, discovery: 0, token: 0 };
  /** What it answers for any code. */
  idToken = '';
  #keys = new Map<string, { privateKey: CryptoKey; jwk: object }>();

  private constructor(url: string) {
    this.url = url;
  }

  static async start(t: TestContext): Promise<{ issuer: FakeIssuer; stop: () => void }> {
    const port = await freePort();
    const issuer = new FakeIssuer(`http://127.0.0.1:${port}`);
    await issuer.addKey('first');
    const stop = await serve(t, port, (request, response) => {
      const { asked, answer } = issuer.#answer(request.url);
      issuer.asked[asked] += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer));
    });
    return { issuer, stop };
  }

  async addKey(kid: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    this.#keys.set(kid, {
      privateKey,
      jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' },
    });
  }

  removeKey(kid: string): void {
    this.#keys.delete(kid);
  }

  jwks(): object[] {
    return [...this.#keys.values()].map(({ jwk }) => jwk);
  }

  /** A token with `claims`, as this issuer makes it unless they say otherwise. */
  async sign(claims: JWTPayload, { kid = 'first', key = this.#keys.get(kid)?.privateKey } = {}) {
    assert.ok(key);
    return await new SignJWT({ iss: this.url, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(key);
  }

  #answer(path: string | undefined): { asked: keyof FakeIssuer['asked']; answer: object } {
    if (path === '/jwks') return { asked: 'keys', answer: { keys: this.jwks() } };
    if (path !== '/token') return { asked: 'discovery', answer: this.#metadata() };
    const answer = { access_token: 'any', token_type: 'Bearer', id_token: this.idToken };
    return { asked: 'token', answer };
  }

  #metadata(): object {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/jwks`,
      authorization_endpoint: `${this.url}/auth`,
      token_endpoint: `${this.url}/token`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    };
  }
}

/** What an answer says. */
export async function read(response: Response) {
  return JSON.parse(await response.text());
}

/** Seconds since 1970, so many from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}
