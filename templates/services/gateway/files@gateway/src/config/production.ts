import { z } from 'zod';

/** Outside development nobody calls without a key. */
export const keysInProduction = z.refine<{ APP_ENV?: unknown; API_KEYS_FILE?: unknown }>(
  (given) => given.APP_ENV !== 'production' || Boolean(given.API_KEYS_FILE),
  {
    path: ['API_KEYS_FILE'],
    message: 'is missing: production needs it',
    // Also where another variable is wrong: all of them are to be named at once.
    when: () => true,
  },
);
