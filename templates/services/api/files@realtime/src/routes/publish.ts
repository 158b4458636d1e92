import { answerError, Problem, unavailable } from '@app/http/problems';
import { StateUnavailable } from '@app/state';
import type { FastifyError } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Refusal } from '../protocol.ts';
import { parseTopic } from '../topic.ts';

const body = z.strictObject({
  /** Whose share of the memory the event takes: a service. */
  from: z.string().min(1).max(64),
  event: z.looseObject({ id: z.guid() }),
});

/** Events of own services, which no proxy passes on from outside. One may come twice: its `id` tells. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const known =
      error instanceof StateUnavailable || error instanceof Refusal
        ? unavailable('state-unavailable', error.message, error)
        : error;
    answerError(known, request, reply);
  });

  app.post(
    '/internal/channels/:name/events',
    { schema: { params: z.object({ name: z.string() }), body, response: { 204: z.undefined() } } },
    async (request, reply) => {
      const topic = parseTopic(app.topics, `channels/${request.params.name}`);
      // Nor will there ever be one: who tells of it need not try again.
      if (!topic?.kind.publish) throw new Problem(422, 'invalid-path', 'There is no channel.');
      const { from, event } = request.body;
      await topic.kind.publish(app.state, topic, from, JSON.stringify(event), app.config);
      return reply.code(204).send();
    },
  );
};

export default routes;
