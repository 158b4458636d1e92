import { calculateJwkThumbprint, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

/** By whom they are issued. */
const ISSUER = 'gateway';
const ALGORITHM = 'ES256';

/** Who calls, as services are told. */
export const Caller = z.object({
  /** To whom it belongs what is made: `user:` and the subject, the name of an API key, or `anonymous`. */
  sub: z.string().min(1),
  roles: z.array(z.string()),
  /** By what the caller is known. */
  how: z.enum(['session', 'token', 'key', 'nothing']),
});

export type Caller = z.output<typeof Caller>;

/** What the gateway tells services of who calls: a token (RFC 7519) for one service and a short time. */
export class InternalTokens {
  readonly #key: CryptoKey;
  /** What it is checked with. */
  readonly publicKey: JWK & { kid: string };

  private constructor(key: CryptoKey, publicKey: JWK & { kid: string }) {
    this.#key = key;
    this.publicKey = publicKey;
  }

  /** With a key of its own, which no other process ever has. */
  static async create(): Promise<InternalTokens> {
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    return new InternalTokens(privateKey, { ...jwk, kid, alg: ALGORITHM, use: 'sig' });
  }

  /** For `service` alone, for so many seconds. */
  async issue({ sub, roles, how }: Caller, service: string, seconds: number): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return await new SignJWT({ roles, how })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.publicKey.kid })
      .setIssuer(ISSUER)
      .setSubject(sub)
      .setAudience(service)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(this.#key);
  }
}

/** Who calls `service`, by an internal token. Throws where it is not of the gateway, for another service, or of another time. */
export async function readInternalToken(
  token: string,
  service: string,
  keys: JWTVerifyGetKey,
): Promise<Caller> {
  const { payload } = await jwtVerify(token, keys, {
    algorithms: [ALGORITHM],
    issuer: ISSUER,
    audience: service,
    requiredClaims: ['exp', 'iat', 'sub'],
    // The clocks of two machines differ a little.
    clockTolerance: 5,
  });
  return Caller.parse(payload);
}
