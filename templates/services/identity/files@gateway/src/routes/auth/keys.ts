import { problems } from '@app/http/problems';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** What services behind check internal tokens with. These keys are public: tokens are made with their other halves alone. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/keys',
    {
      config: { public: true, rateLimit: false },
      schema: {
        hide: true,
        response: { 200: z.object({ keys: z.array(z.unknown()) }), ...problems() },
      },
    },
    async () => ({ keys: await app.internalTokenKeys() }),
  );
};

export default routes;
