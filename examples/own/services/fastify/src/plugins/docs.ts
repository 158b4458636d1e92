import { docsOptions, openapiOptions, withoutKey } from '@app/http/openapi';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import plugin from 'fastify-plugin';

/** OpenAPI of all routes, at /v1/<service>/openapi.json and, for people, at /docs. */
export default plugin(async (app) => {
  await app.register(swagger, openapiOptions(app, app.config));
  await app.register(async (docs) => {
    docs.addHook('onRoute', withoutKey);
    await docs.register(swaggerUi, docsOptions);
    const path = `/v1/${app.config.SERVICE_NAME}/openapi.json`;
    docs.get(path, { schema: { hide: true } }, () => app.swagger());
  });
});
