import { z } from 'zod';

/** What a service behind the gateway has to be told. */
export const behindGateway = {
  /** Whose internal tokens say who calls; without it, in development, callers are known by API keys or not at all. */
  GATEWAY_URL: z
    .url({ protocol: /^https?$/, error: 'must be an address' })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ example: 'http://localhost:3000' })
    .optional(),
};
