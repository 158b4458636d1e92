import { ownerOf } from '@app/http/callers';
import { Problem } from '@app/http/problems';
import type { Caller } from '@app/identity/internal-token';
import { callerOf, SESSION_COOKIE, type Found } from '@app/sessions/sessions';
import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { audit } from './audit.ts';
import { BadToken, thereIs } from './issuer.ts';
import { unauthorized } from './only.ts';
import { personOf } from './person.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls. For a person `sub` is the issuer's word; `request.caller` tells people from keys. */
    who: Omit<Caller, 'sub'> & {
      sub: string;
      name?: string;
      /** When the token ends, in milliseconds. */
      ends?: number;
    };
    /** Of who is signed in by a browser. */
    session: Found | undefined;
    /** Why nobody is let in by what the request says of its sender. */
    refusal: Problem | undefined;
  }
}

const BEARER = /^bearer +(\S+)$/i;
/** The form of a JWT, which no API key has that `make key` makes. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** By these other proxies say who calls. Here nobody does: what comes from outside is not passed on. */
const OF_OTHERS =
  /^(?:remote-|x-(?:remote-|forwarded-|auth-request-|authenticated-)?)(?:user|userid|email|groups?|roles?|preferred-username|access-token|id-token|subject)(?:-|$)/;

/** Knows people by their sessions and tokens, beside programs by their API keys. After `admission`. */
export const identify = plugin(async (app) => {
  await app.register(cookie);
  app.decorateRequest('who');
  app.decorateRequest('session');
  app.decorateRequest('refusal');
  app.addHook('onRequest', async (request) => {
    const { headers } = request;
    for (const name of Object.keys(headers)) if (OF_OTHERS.test(name)) delete headers[name];
    // A session is the gateway's matter: its secret goes to no service behind, but for the one
    // that lets people read as long as their session holds.
    if (request.routeOptions.config.endless !== true) delete headers.cookie;
    request.who = asKey(app, request);
    const token = BEARER.exec(headers.authorization ?? '')?.[1];
    const secret = request.cookies[SESSION_COOKIE];
    try {
      if (token !== undefined && JWT.test(token)) await byToken(app, request, token);
      else if (token === undefined && secret !== undefined) await bySession(app, request, secret);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Told behind the rate limit, so that guessing is limited as well.
      Object.assign(request, { refusal: error, known: false });
    }
  });
});

/** Lets nobody in by a token that is not valid, and no other page act for who is signed in. */
export const refuse = plugin(async (app) => {
  app.addHook('onRequest', async (request) => {
    const { refusal, routeOptions, session } = request;
    if (session && !SAFE.has(request.method) && !isOwnPage(request, app.config.PUBLIC_URL)) {
      audit(request, 'authz_fail', 'a page of another origin was refused', {
        sub: session.session.sub,
      });
      throw new Problem(403, 'cross-site', 'Only the pages of this origin may do this for you.');
    }
    if (routeOptions.config.public === true) return;
    if (refusal) throw refusal;
    if (request.known) return;
    if (request.headers.authorization !== undefined) {
      audit(request, 'authn_login_fail', 'an API key was refused');
    }
    throw unauthorized();
  });
});

/** Who calls with an API key or, where nobody needs one, with nothing. */
function asKey(app: FastifyInstance, { caller, known }: FastifyRequest): FastifyRequest['who'] {
  const isKey = known && app.callers.configured;
  return { sub: ownerOf(caller), roles: [], how: isKey ? 'key' : 'nothing' };
}

async function byToken(
  app: FastifyInstance,
  request: FastifyRequest,
  token: string,
): Promise<void> {
  // An API key may look like one.
  if (request.who.how === 'key') return;
  const { OIDC_AUDIENCE, OIDC_ROLES_CLAIM, PUBLIC_URL } = app.config;
  try {
    const options = { audience: OIDC_AUDIENCE ?? PUBLIC_URL, requiredClaims: ['exp'] };
    const claims = await thereIs(app.issuer).verify(token, options);
    const ends = Number(claims.exp) * 1_000;
    letIn(request, { ...personOf(claims, OIDC_ROLES_CLAIM), how: 'token', ends });
  } catch (error) {
    if (!(error instanceof BadToken)) throw error;
    audit(request, 'authn_login_fail', 'a bearer token was refused', { err: error });
    const detail = 'The token is not valid: it has ended, or is not for here.';
    throw unauthorized(detail, 'Bearer error="invalid_token"');
  }
}

async function bySession(
  app: FastifyInstance,
  request: FastifyRequest,
  secret: string,
): Promise<void> {
  const kept = await app.sessions.find(secret);
  const found = kept && (await (app.refresh ? app.refresh.ifDue(kept) : kept));
  if (found === undefined) return;
  const { sub, name, roles } = found.session;
  request.session = found;
  letIn(request, { sub, roles, how: 'session', ...(name !== undefined && { name }) });
}

function letIn(request: FastifyRequest, who: FastifyRequest['who']): void {
  Object.assign(request, { who, caller: callerOf(who.sub), known: true });
}

/** Browsers say from which page a request comes, and let no page change it. */
function isOwnPage({ headers }: FastifyRequest, origin: string): boolean {
  if (headers.origin !== undefined) return headers.origin === origin;
  return headers['sec-fetch-site'] === 'same-origin';
}
