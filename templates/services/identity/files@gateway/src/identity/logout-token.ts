import type { State } from '@app/state';
import { z } from 'zod';
import { BadToken, type Issuer } from './issuer.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** How old a token may be, beside what clocks differ by. */
const AGE_S = 120;

// OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6.
const Claims = z
  .object({
    iat: z.number(),
    exp: z.number(),
    jti: z.string().min(1).max(255),
    events: z.object({ [EVENT]: z.looseObject({}) }),
    sub: z.string().min(1).optional(),
    sid: z.string().min(1).optional(),
    /** Or an ID token would do as well. */
    nonce: z.undefined().optional(),
  })
  .refine(({ sub, sid }) => sub !== undefined || sid !== undefined);

/** Whose session the issuer has ended, by its own word, which counts once. Throws `BadToken`. */
export async function readLogoutToken(
  token: string,
  issuer: Issuer,
  state: State,
): Promise<{ sub: string | undefined; sid: string | undefined }> {
  const payload = await issuer.verify(token, {
    audience: issuer.clientId,
    maxTokenAge: AGE_S,
    requiredClaims: ['exp', 'iat', 'jti'],
  });
  const { data: claims } = Claims.safeParse(payload);
  if (claims === undefined) throw new BadToken('this is no logout token');
  const key = `logout-token:${claims.jti}`;
  const once = { condition: 'NX', expiration: { type: 'EX', value: AGE_S * 2 } } as const;
  if ((await state.ask(async (redis) => redis.set(key, '1', once))) === null) {
    throw new BadToken('the logout token was used before');
  }
  return { sub: claims.sub, sid: claims.sid };
}
