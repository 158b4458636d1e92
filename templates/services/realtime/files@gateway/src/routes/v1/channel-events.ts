import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { eventsSchema, passEvents } from '../../event-streams.ts';

const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/channels/:name/events',
    {
      config: { endless: true },
      // Where nobody reads there are no events.
      exposeHeadRoute: false,
      schema: {
        summary: 'Server-sent events of a channel.',
        tags: ['events'],
        params: z.object({ name: z.string().meta({ examples: ['lobby'] }) }),
        ...eventsSchema,
      },
    },
    await passEvents(app),
  );
};

export default routes;
