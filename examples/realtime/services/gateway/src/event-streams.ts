import { problems, unavailable } from '@app/http/problems';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { connectUpstream, passing } from './upstream.ts';

const POSITION = z
  .string()
  .regex(/^\d{1,15}(-\d{1,15})?$/)
  .optional();

const text = z.string().optional();

/** One event of a stream. */
const StreamEvent = z.looseObject({ id: text, event: text, data: text });

/** What is said of a stream of events, beside its own parameters. */
export const eventsSchema = {
  querystring: z.object({ after: POSITION.describe('Begins after this event.') }),
  headers: z.looseObject({ 'last-event-id': POSITION.describe('The same, by an EventSource.') }),
  response: {
    200: {
      description: 'Events as they come, in the form of an EventSource.',
      content: { 'text/event-stream': { schema: StreamEvent } },
    },
    204: z.null().describe('The events have ended, and the last one is known.'),
    ...problems(404, 422),
  },
};

type EventsHandler = (request: FastifyRequest, reply: FastifyReply) => void;

/** Makes a handler that passes server-sent events on, until one side or the gateway stops. */
export async function passEvents(app: FastifyInstance): Promise<EventsHandler> {
  // Realtime comments on a stream where nothing happens: one that is silent is broken.
  await connectUpstream(app, { bodyTimeout: 60_000 });
  const hooks = passing((cause) =>
    unavailable('realtime-unavailable', 'Realtime did not answer.', cause),
  );

  return (request, reply) => {
    reply.from(`${app.config.REALTIME_URL}${request.url}`, {
      ...hooks,
      onResponse(_request, passed, response) {
        const { stream } = response;
        const stop = (): void => void stream.destroy();
        app.draining.addEventListener('abort', stop, { once: true });
        stream.once('close', () => app.draining.removeEventListener('abort', stop));
        void passed.send(stream);
      },
    });
  };
}
