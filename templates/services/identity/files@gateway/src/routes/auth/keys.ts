import { problems } from '@app/http/problems';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** What services behind check the gateway's word with. These keys are public: only with their other halves is a word given. */
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
    async () => ({ keys: await app.wordKeys() }),
  );
};

export default routes;
