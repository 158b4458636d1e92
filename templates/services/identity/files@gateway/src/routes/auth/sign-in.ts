import { problems, Problem } from '@app/http/problems';
import { idOf, newSecret, SESSION_COOKIE } from '@app/sessions/sessions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { audit } from '../../identity/audit.ts';
import { COOKIE, SIGN_IN_COOKIE } from '../../identity/cookies.ts';
import { BadToken, issuerUnavailable, thereIs, type Issuer } from '../../identity/issuer.ts';
import { personOf } from '../../identity/person.ts';

const tags = ['people'];
const config = { public: true };
const security: [] = [];
const moved = z.undefined().describe('Go there: `Location`.');

/** What is kept of a browser that was sent to the issuer. */
const Begun = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  to: z.string(),
});

/** Authorization code flow with PKCE (RFC 9700, 2.1.1). */
const routes: FastifyPluginAsyncZod = async (app) => {
  const { OIDC_ROLES_CLAIM, OIDC_SCOPE, PUBLIC_URL, SESSION_MAX_S, SIGN_IN_S } = app.config;

  app.get(
    '/login',
    {
      config,
      schema: {
        summary: 'Sends a browser to where people sign in.',
        tags,
        security,
        querystring: z.object({
          to: z.string().max(2_000).default('/').describe('Where to go afterwards: a path.'),
        }),
        response: { 302: moved, ...problems(422) },
      },
    },
    async (request, reply) => {
      const to = pathHere(request.query.to);
      const issuer = thereIs(app.issuer);
      // Cookies of `localhost` are not those of `127.0.0.1`.
      if (app.config.APP_ENV === 'development' && request.host !== new URL(PUBLIC_URL).host) {
        return reply.redirect(`${PUBLIC_URL}/auth/login?${new URLSearchParams({ to })}`);
      }
      const configuration = await issuer.configuration();
      const secret = newSecret();
      const begun = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
        to,
      };
      await app.state.ask(async (redis) =>
        redis.set(keyOf(secret), JSON.stringify(begun), { EX: SIGN_IN_S }),
      );
      reply.setCookie(SIGN_IN_COOKIE, secret, { ...COOKIE, maxAge: SIGN_IN_S });
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: `${PUBLIC_URL}/auth/callback`,
        scope: OIDC_SCOPE,
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
      });
      return reply.redirect(url.href);
    },
  );

  app.get(
    '/callback',
    {
      config,
      schema: {
        summary: 'Where the issuer sends a browser back to.',
        tags,
        security,
        response: { 302: moved, ...problems() },
      },
      onError: async (request, _reply, error) => {
        audit(request, 'authn_login_fail', 'a sign-in was refused', { err: error });
      },
    },
    async (request, reply) => {
      const back = new URL(request.url, PUBLIC_URL);
      // No log has the code, and no answer.
      request.raw.url = back.pathname;
      const begun = await takeBegun(request.cookies[SIGN_IN_COOKIE]);
      reply.clearCookie(SIGN_IN_COOKIE, COOKIE);
      const issuer = thereIs(app.issuer);
      const tokens = await exchange(issuer, back, begun);
      const { claims, person } = await about(issuer, tokens.id_token ?? '');
      // Whoever was signed in here before is not any more, and no secret of before goes on.
      const before = request.cookies[SESSION_COOKIE];
      const left = before === undefined ? undefined : await app.sessions.find(before);
      if (left) await app.sessions.end(left);

      const seconds = tokens.expiresIn();
      const { sid } = claims;
      const secret = await app.sessions.begin({
        ...person,
        idToken: tokens.id_token ?? '',
        agent: (request.headers['user-agent'] ?? '').slice(0, 200),
        ...(typeof sid === 'string' && { sid }),
        ...(tokens.refresh_token !== undefined && { refreshToken: tokens.refresh_token }),
        ...(seconds !== undefined && { refreshAt: Date.now() + seconds * 1_000 }),
      });
      audit(request, 'authn_login_success', 'signed in', { sub: person.sub });
      reply.setCookie(SESSION_COOKIE, secret, { ...COOKIE, maxAge: SESSION_MAX_S });
      return reply.redirect(begun.to);
    },
  );

  /** Whom an ID token is about. */
  async function about(issuer: Issuer, idToken: string) {
    try {
      const claims = await issuer.verify(idToken, { audience: issuer.clientId });
      return { claims, person: personOf(claims, OIDC_ROLES_CLAIM) };
    } catch (error) {
      throw error instanceof BadToken ? notBegun(error) : error;
    }
  }

  /** A path of this origin; nobody is sent elsewhere by a link to here. */
  function pathHere(to: string): string {
    const url = URL.parse(to, PUBLIC_URL);
    if (!to.startsWith('/') || url?.origin !== PUBLIC_URL) {
      const errors = [{ pointer: '/to', detail: 'must be a path of this origin' }];
      throw new Problem(422, 'invalid-query', 'The query does not meet its schema.', { errors });
    }
    return `${url.pathname}${url.search}${url.hash}`;
  }

  /** What was begun in this browser, once. */
  async function takeBegun(secret: string | undefined): Promise<z.output<typeof Begun>> {
    if (secret === undefined) throw notBegun();
    const text = await app.state.ask(async (redis) => redis.getDel(keyOf(secret)));
    if (text === null) throw notBegun();
    return Begun.parse(JSON.parse(text));
  }
};

/** How it is called that the issuer did not answer, or made no sense. */
const OF_THE_ISSUER = new Set(['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM']);

/** The tokens for the code that the issuer has sent. */
async function exchange(
  issuer: Issuer,
  url: URL,
  { state, nonce, verifier }: z.output<typeof Begun>,
) {
  const configuration = await issuer.configuration();
  try {
    return await oidc.authorizationCodeGrant(configuration, url, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
  } catch (error) {
    if (error instanceof oidc.AuthorizationResponseError) {
      throw new Problem(403, 'sign-in-refused', 'The issuer has not let you in.', { cause: error });
    }
    if (error instanceof oidc.ResponseBodyError) throw notBegun(error);
    const isOfTheIssuer = error instanceof oidc.ClientError && OF_THE_ISSUER.has(error.code ?? '');
    if (error instanceof oidc.ClientError && !isOfTheIssuer) throw notBegun(error);
    throw issuerUnavailable(error);
  }
}

function notBegun(cause?: unknown): Problem {
  const detail =
    'This sign-in was not begun in this browser, or it is over. Begin again at /auth/login.';
  return new Problem(400, 'sign-in-not-begun', detail, { cause });
}

function keyOf(secret: string): string {
  return `sign-in:${idOf(secret)}`;
}

export default routes;
