import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { passEvents } from '../../event-streams.ts';
import { problems } from '../../problems.ts';

const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/predictions/:id/events',
    {
      config: { endless: true },
      schema: {
        summary: 'Server-sent events of a prediction.',
        tags: ['events'],
        params: z.object({ id: z.string() }),
        response: { 200: z.unknown(), ...problems(404) },
      },
    },
    await passEvents(app),
  );
};

export default routes;
