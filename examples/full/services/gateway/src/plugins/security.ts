import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import plugin from 'fastify-plugin';

/** Security headers, and the origins of pages that may read answers. */
export default plugin(
  async (app) => {
    await app.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      },
    });
    const origins = app.config.CORS_ORIGINS;
    if (origins.length === 0) return;
    await app.register(cors, {
      origin: origins,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: ['Location', 'Retry-After', 'Preference-Applied', 'Idempotency-Replayed'],
      maxAge: 600,
    });
  },
  { name: 'security', dependencies: ['problems'] },
);
