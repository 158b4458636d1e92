import { limits } from '@app/contracts';
import { z } from 'zod';

export const identity = {
  /** Where people sign in; without it, in development, nobody can. */
  OIDC_ISSUER: address().optional(),
  /** What the issuer knows the gateway by; SERVICE_NAME unless given. */
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().meta({ secret: true }).optional(),
  OIDC_SCOPE: z
    .string()
    .refine((text) => text.split(' ').includes('openid'), 'must have `openid` in it')
    .default('openid profile'),
  /** Whom bearer tokens have to be for; PUBLIC_URL unless given. */
  OIDC_AUDIENCE: z.string().optional(),
  /** The claim with the roles of a person: names with dots between them. */
  OIDC_ROLES_CLAIM: z.string().default('roles'),
  /** Where browsers meet the gateway. */
  PUBLIC_URL: address()
    .refine((url) => new URL(url).origin === url, 'must be an origin, without a path')
    .default('http://127.0.0.1:3000'),
  ...limits(
    'session_idle_s',
    'session_max_s',
    'sign_in_s',
    'refresh_ahead_s',
    'clock_tolerance_s',
    'issuer_keys_pause_s',
    'issuer_patience_s',
    'internal_token_s',
  ),
};

/** In production people sign in at an issuer, and nobody in between reads along. */
export const issuerInProduction = z.superRefine<Record<string, unknown>>(
  (given, context) => {
    if (given['APP_ENV'] !== 'production') return;
    for (const name of ['OIDC_ISSUER', 'PUBLIC_URL']) {
      if (/^https:/.test(String(given[name]))) continue;
      const message = 'must be an address with https in production';
      context.addIssue({ code: 'custom', path: [name], message });
    }
  },
  { when: () => true },
);

function address() {
  return z
    .url({ protocol: /^https?$/, error: 'must be an address' })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ example: 'https://login.example.com' });
}
