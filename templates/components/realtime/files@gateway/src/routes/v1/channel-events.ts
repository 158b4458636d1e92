import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { passEvents } from '../../event-streams.ts';
import { problems } from '../../problems.ts';

const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/channels/:name/events',
    {
      config: { endless: true },
      schema: {
        summary: 'Server-sent events of a channel.',
        tags: ['events'],
        params: z.object({ name: z.string() }),
        response: { 200: z.unknown(), ...problems(404) },
      },
    },
    await passEvents(app),
  );
};

export default routes;
