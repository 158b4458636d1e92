import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import plugin from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { completePaths, operationKey, type Documented } from '../documentation.ts';

/** OpenAPI of all routes, at /docs. */
export default plugin(
  async (app) => {
    const documented = new Map<string, Documented>();
    app.addHook('onRoute', ({ config, method, url }) => {
      if (config?.openapi) documented.set(operationKey(String(method), url), config.openapi);
    });
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: app.config.SERVICE_NAME, version: '1' },
        components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
        ...(app.config.API_KEYS_FILE && { security: [{ key: [] }] }),
      },
      transform: jsonSchemaTransform,
      transformObject(document) {
        const { paths, ...rest } = jsonSchemaTransformObject(document);
        return { ...rest, paths: completePaths(paths, documented) };
      },
    });
    await app.register(async (docs) => {
      docs.addHook('onRoute', (route) => {
        route.config = { ...route.config, public: true };
      });
      await docs.register(swaggerUi, {
        routePrefix: '/docs',
        staticCSP: {
          'default-src': "'self'",
          'img-src': ["'self'", 'data:'],
          'style-src': ["'self'", "'unsafe-inline'"],
          'frame-ancestors': "'none'",
        },
      });
    });
  },
  // Hooks are those of what is registered after them.
  { dependencies: ['keys'] },
);
