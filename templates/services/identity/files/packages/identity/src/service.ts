import { Callers } from '@app/http/callers';
import { Problem, unavailable } from '@app/http/problems';
import plugin from 'fastify-plugin';
import { createRemoteJWKSet } from 'jose';
import { isOfTheToken } from './token-errors.ts';
import { readInternalToken } from './internal-token.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The roles of who calls, as the issuer says them. */
    roles: string[];
  }
}

const BEARER = /^bearer +(\S+)$/i;

/** Takes who calls from the gateway's internal token alone. After `admission`, before `guard`. */
export const fromGateway = plugin<{ GATEWAY_URL?: string | undefined; SERVICE_NAME: string }>(
  async (app, { GATEWAY_URL, SERVICE_NAME }) => {
    app.decorateRequest('roles');
    app.addHook('onRequest', async (request) => {
      request.roles = [];
    });
    if (GATEWAY_URL === undefined) return;

    // An API key is the gateway's matter: here nobody is known by one, and no address is somebody.
    app.callers = new Callers(new Map());
    // A gateway that has just started has a new key. Whoever asks meanwhile waits for the same
    // answer, so that nobody can make it many requests.
    const keys = createRemoteJWKSet(new URL(`${GATEWAY_URL}/auth/keys`), {
      cooldownDuration: 0,
      timeoutDuration: 2_000,
    });
    app.addHook('onRequest', async (request) => {
      const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
      if (token !== undefined) {
        try {
          const { sub, roles } = await readInternalToken(token, SERVICE_NAME, keys);
          Object.assign(request, { caller: sub, known: true, roles });
        } catch (error) {
          if (!isOfTheToken(error)) {
            throw unavailable('gateway-unavailable', 'It is not known who calls.', error);
          }
        }
      }
      if (!request.known && request.routeOptions.config.public !== true) {
        throw new Problem(
          401,
          'unauthorized',
          'This service takes requests from the gateway alone.',
          {
            headers: { 'www-authenticate': 'Bearer' },
          },
        );
      }
    });
  },
);
