import { problems } from '@app/http/problems';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { onlyKnown } from '../../identity/only.ts';

const Me = z
  .object({
    sub: z.string(),
    name: z.string().optional(),
    roles: z.array(z.string()),
    how: z.enum(['session', 'token', 'key']),
  })
  .meta({ id: 'Me' });

/** Who calls, as the gateway knows it. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/me',
    {
      schema: {
        summary: 'Says who calls.',
        tags: ['people'],
        response: { 200: Me, ...problems() },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return onlyKnown(request);
    },
  );
};

export default routes;
