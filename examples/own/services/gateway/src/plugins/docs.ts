import { docsOptions, openapiOptions, withoutKey } from '@app/http/openapi';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** Documents of services behind, which are shown beside the gateway's own. */
    documents?: { name: string; url: string }[];
  }
}

/** OpenAPI of all routes, at /docs. */
export default plugin(
  async (app) => {
    await app.register(swagger, openapiOptions(app, app.config));
    await app.register(async (docs) => {
      docs.addHook('onRoute', withoutKey);
      await docs.register(swaggerUi, {
        ...docsOptions,
        ...(app.documents && {
          uiConfig: {
            urls: [{ name: app.config.SERVICE_NAME, url: '/docs/json' }, ...app.documents],
          },
        }),
      });
    });
  },
  // A hook holds only for what is registered after it.
  { dependencies: ['admission'] },
);
