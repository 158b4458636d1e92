import { Problem } from '@app/http/problems';
import type { FastifyRequest } from 'fastify';

type Who = FastifyRequest['who'];
type Known = Who & { how: 'session' | 'token' | 'key' };

const SIGN_IN =
  'Sign in at /auth/login, or send a token or an API key: Authorization: Bearer <it>.';

/** Who calls; a problem where that is not known. */
export function onlyKnown({ who }: FastifyRequest): Known {
  const { how } = who;
  if (how === 'nothing') throw unauthorized(SIGN_IN);
  return { ...who, how };
}

/** The person who calls; a problem where it is a program. */
export function onlyPerson(request: FastifyRequest): Known {
  const who = onlyKnown(request);
  if (who.how === 'key') throw new Problem(403, 'people-only', 'An API key is no person.');
  return who;
}

export function unauthorized(detail: string = SIGN_IN, challenge = 'Bearer'): Problem {
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}
