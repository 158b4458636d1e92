import { z } from 'zod';

export const realtime = {
  REALTIME_URL: z
    .url({ protocol: /^https?$/, error: 'must be an address' })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ example: 'http://localhost:3001' }),
};
