import { unavailable } from '@app/http/problems';
import { isOfTheToken } from '@app/identity/token-errors';
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions, RemoteJWKSet } from 'jose';
import * as oidc from 'openid-client';
import type { Config } from '../config.ts';

/** Signatures that only the issuer can make. Neither `none` nor what is made with a shared secret. */
const ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'EdDSA',
  'Ed25519',
];

/** A token is not one of the issuer for us and for now. */
export class BadToken extends Error {}

interface Found {
  configuration: oidc.Configuration;
  keys: RemoteJWKSet;
}

/** The issuer as it describes itself. It need not be there when the gateway starts, nor always later. */
export class Issuer {
  readonly clientId: string;
  readonly #config: Config;
  readonly #url: string;
  #found: Promise<Found> | undefined;

  constructor(url: string, config: Config) {
    this.#url = url;
    this.#config = config;
    this.clientId = config.OIDC_CLIENT_ID ?? config.SERVICE_NAME;
  }

  /** What `openid-client` has to know. Throws a problem while the issuer does not answer. */
  async configuration(): Promise<oidc.Configuration> {
    return (await this.#find()).configuration;
  }

  /** The claims of a token that the issuer has signed. Throws `BadToken`, or a problem. */
  async verify(token: string, options: JWTVerifyOptions): Promise<JWTPayload> {
    const { configuration, keys } = await this.#find();
    try {
      const { payload } = await jwtVerify(token, withoutGap(keys), {
        algorithms: ALGORITHMS,
        issuer: configuration.serverMetadata().issuer,
        clockTolerance: this.#config.CLOCK_TOLERANCE_S,
        ...options,
      });
      return payload;
    } catch (error) {
      if (!isOfTheToken(error)) throw issuerUnavailable(error);
      throw new BadToken('the token is not valid', { cause: error });
    }
  }

  /** Asked for once, by all who want to know; again after a failure. */
  async #find(): Promise<Found> {
    const finding = (this.#found ??= this.#discover());
    try {
      return await finding;
    } catch (error) {
      if (this.#found === finding) this.#found = undefined;
      throw issuerUnavailable(error);
    }
  }

  async #discover(): Promise<Found> {
    const { APP_ENV, ISSUER_KEYS_PAUSE_S, ISSUER_PATIENCE_S, OIDC_CLIENT_SECRET } = this.#config;
    const configuration = await oidc.discovery(
      new URL(this.#url),
      this.clientId,
      {},
      OIDC_CLIENT_SECRET === undefined ? oidc.None() : oidc.ClientSecretBasic(OIDC_CLIENT_SECRET),
      {
        timeout: ISSUER_PATIENCE_S,
        execute: APP_ENV === 'production' ? [] : [oidc.allowInsecureRequests],
      },
    );
    const url = keysAddress(this.#url, configuration.serverMetadata().jwks_uri);
    // A key that is not known makes one request in so many seconds, however many name one.
    const keys = createRemoteJWKSet(url, {
      cooldownDuration: ISSUER_KEYS_PAUSE_S * 1_000,
      timeoutDuration: ISSUER_PATIENCE_S * 1_000,
    });
    return { configuration, keys };
  }
}

/** Where the issuer has its keys. One that is met by https names nothing that is not: no host inside. */
export function keysAddress(issuer: string, named: string | undefined): URL {
  const url = URL.parse(named ?? '');
  if (url === null) throw new Error('the issuer names no `jwks_uri`');
  if (issuer.startsWith('https:') && url.protocol !== 'https:') {
    throw new Error(`the issuer names a \`jwks_uri\` that is not of https: ${url.href}`);
  }
  return url;
}

/** Keys that are known hold on while the issuer cannot be asked for newer ones. */
function withoutGap(keys: RemoteJWKSet): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      const known = keys.jwks();
      if (known === undefined || isOfTheToken(error)) throw error;
      return await createLocalJWKSet(known)(header, token);
    }
  };
}

/** The issuer, where one is named; else a problem. */
export function thereIs(issuer: Issuer | undefined): Issuer {
  if (issuer) return issuer;
  throw unavailable(
    'issuer-unavailable',
    'Nobody can sign in here: the setting OIDC_ISSUER names no issuer.',
  );
}

export function issuerUnavailable(cause: unknown) {
  const detail =
    'The issuer where people sign in does not answer. Nobody can sign in now; whoever is signed in stays so.';
  return unavailable('issuer-unavailable', detail, cause);
}
