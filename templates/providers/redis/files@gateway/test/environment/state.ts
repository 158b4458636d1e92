/** Nobody listens there: tests that need a server start one. */
export const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
