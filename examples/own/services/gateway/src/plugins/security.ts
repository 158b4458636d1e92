import cors from '@fastify/cors';
import plugin from 'fastify-plugin';
import helmet from 'helmet';

/** Security headers, and the origins of pages that may read answers. */
export default plugin(
  async (app) => {
    const protect = helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      },
      // For plugins and browsers that are gone; every header costs in every answer.
      xDnsPrefetchControl: false,
      xDownloadOptions: false,
      xPermittedCrossDomainPolicies: false,
      xXssProtection: false,
    });
    app.addHook('onRequest', (request, reply, done) => {
      protect(request.raw, reply.raw, () => done());
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
  { name: 'security' },
);
