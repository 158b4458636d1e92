import { z } from 'zod';

export const state = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be an address of Redis' })
    .meta({ example: 'redis://localhost:6379' }),
};
