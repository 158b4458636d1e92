import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problems, unavailable } from '../problems.ts';

const config = { public: true, probe: true };
const security: [] = [];
const response = { 200: z.object({ status: z.literal('ok') }), ...problems() };

const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/livez',
    {
      config,
      schema: { summary: 'Whether the process runs.', tags: ['health'], security, response },
    },
    async () => ({ status: 'ok' as const }),
  );

  // What is behind may be down: that fails some requests, but another gateway could not do better.
  // While this one starts it does not listen yet.
  app.get(
    '/readyz',
    {
      config,
      schema: { summary: 'Whether to send requests.', tags: ['health'], security, response },
    },
    async () => {
      if (app.draining.aborted) throw unavailable('draining', 'This gateway stops.');
      return { status: 'ok' as const };
    },
  );
};

export default routes;
