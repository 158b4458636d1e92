import { Problem, problems } from '@app/http/problems';
import { SESSION_COOKIE } from '@app/sessions/sessions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { audit } from '../../identity/audit.ts';
import { COOKIE } from '../../identity/cookies.ts';
import { BadToken, thereIs } from '../../identity/issuer.ts';
import { readLogoutToken } from '../../identity/logout-token.ts';

const tags = ['people'];

/** Sign-out, by who is signed in and by the issuer. */
const routes: FastifyPluginAsyncZod = async (app) => {
  // The issuer sends a form.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );

  app.post(
    '/logout',
    {
      schema: {
        summary: 'Signs out here, and says where to go to sign out at the issuer as well.',
        tags,
        response: { 200: z.object({ to: z.string() }), ...problems() },
      },
    },
    async (request, reply) => {
      const { session } = request;
      reply.clearCookie(SESSION_COOKIE, COOKIE);
      if (session === undefined) return { to: '/' };
      await app.sessions.end(session);
      audit(request, 'session_expired', 'signed out', { sub: session.session.sub });
      return { to: await wayOut(session.session.idToken) };
    },
  );

  app.post(
    '/backchannel-logout',
    {
      config: { public: true },
      schema: {
        summary: 'Where the issuer says that a session has ended.',
        tags,
        security: [],
        consumes: ['application/x-www-form-urlencoded'],
        body: z.object({ logout_token: z.string() }),
        response: { 200: z.undefined(), ...problems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const { sub, sid } = await readLogoutToken(
        request.body.logout_token,
        thereIs(app.issuer),
        app.state,
      ).catch((error: unknown) => {
        if (!(error instanceof BadToken)) throw error;
        audit(request, 'authn_login_fail', 'a logout token was refused', { err: error });
        throw new Problem(400, 'logout-token-invalid', 'The logout token is not valid.');
      });
      const ended =
        sid === undefined ? await app.sessions.endAll(sub ?? '') : await app.sessions.endAt(sid);
      audit(request, 'session_expired', 'signed out by the issuer', { sub, ended });
      return reply.code(200).send();
    },
  );

  /** Where the issuer ends its own session; the page where it has no such place or is not there. */
  async function wayOut(idToken: string): Promise<string> {
    try {
      const configuration = await thereIs(app.issuer).configuration();
      return oidc.buildEndSessionUrl(configuration, {
        id_token_hint: idToken,
        post_logout_redirect_uri: `${app.config.PUBLIC_URL}/`,
      }).href;
    } catch (error) {
      app.log.warn({ err: error }, 'signed out here alone');
      return '/';
    }
  }
};

export default routes;
