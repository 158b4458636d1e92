import { ownerOf } from '@app/http/callers';
import plugin from 'fastify-plugin';

/**
 * Tells own services who calls: by an internal token, and by nothing that the caller has sent. A
 * key, a token or a session of the outside stays here.
 */
export default plugin(
  async (app) => {
    const { API_URLS, INTERNAL_TOKEN_S } = app.config;
    app.addHook('preHandler', async ({ caller, headers, routeOptions, who }) => {
      const service = API_URLS.find(({ name }) => routeOptions.url?.startsWith(`/v1/${name}/`));
      if (service === undefined) return;
      const sub = ownerOf(caller);
      const token = await app.internalTokens.issue({ ...who, sub }, service.name, INTERNAL_TOKEN_S);
      headers.authorization = `Bearer ${token}`;
    });
  },
  { dependencies: ['admission', 'identity', 'internal-tokens'] },
);
