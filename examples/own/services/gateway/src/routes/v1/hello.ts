import { problems } from '@app/http/problems';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

/** An example of a route, to copy; without this file and test/hello.test.ts it is gone. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/hello',
    {
      schema: {
        summary: 'Says hello.',
        tags: ['example'],
        querystring: z.object({ name: z.string().min(1).max(40).default('world') }),
        response: { 200: z.object({ greeting: z.string() }), ...problems(422) },
      },
    },
    async (request) => ({ greeting: `Hello, ${request.query.name}!` }),
  );
};

export default routes;
