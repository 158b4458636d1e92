import type { ServerResponse } from 'node:http';
import { answerError, Problem } from '@app/http/problems';
import { StateUnavailable } from '@app/state';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parsePosition, type Event } from '../event.ts';
import { drained, type Reader } from '../hub.ts';
import { events, slowConsumers, streams } from '../metrics.ts';
import type { Opener } from '../plugins/openers.ts';
import { storeUnavailable, unknown } from '../refusals.ts';
import { topicOf, type Topic } from '../topic.ts';

const delivered = events.labels('sse');

const params = z.object({ name: z.string() });
/** For the first time; an EventSource that comes back says it in a header. */
const querystring = z.object({ after: z.string().optional() });

/** Topics as server-sent events, with the same ids as on a socket. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.setErrorHandler((error: FastifyError | Problem | StateUnavailable, request, reply) => {
    answerError(
      error instanceof StateUnavailable ? storeUnavailable(error) : error,
      request,
      reply,
    );
  });

  for (const kind of app.topics.values()) {
    app.get(
      kind.eventsUrl,
      { schema: { params, querystring }, exposeHeadRoute: false },
      async (request, reply) => {
        const opener = await app.openerOf(request.raw, request.ip);
        if (opener === undefined) throw unknown();
        const topic = topicOf(kind, request.params.name);
        const given = request.headers['last-event-id'] ?? request.query.after;
        return await answer(app, opener, topic, given?.toString(), request, reply);
      },
    );
  }
};

async function answer(
  app: FastifyInstance,
  opener: Opener,
  topic: Topic | undefined,
  given: string | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { clients, config, hub, state } = app;
  if (topic && !app.may(opener, 'read', topic)) {
    throw new Problem(403, 'forbidden', `You may not read \`${topic.id}\`.`);
  }
  const found = topic ? await topic.kind.find(state, topic.name, opener.caller) : 'missing';
  if (!topic || found === 'missing') {
    throw new Problem(404, 'not-found', `There is nothing at ${request.url}.`);
  }
  const after = given === undefined ? undefined : parsePosition(given);
  if (given !== undefined && !after) {
    throw new Problem(422, 'invalid-event-id', 'Last-Event-ID is not the id of an event.');
  }
  // An EventSource comes back after every end; only this answer stops it.
  if (found === 'ended' && !(await hub.follows(topic, after))) return reply.code(204).send();

  const response = reply.raw;
  const reader: Reader = {
    send: (event) => send(response, event, config.WS_BUFFER_MAX_BYTES),
    drained: () => drained(response),
    end: () => response.end(),
  };
  const subscription = await hub.join(topic, reader, after, found === 'ended');
  reply.hijack();
  // It closed while its place was looked for, or everything else has ended meanwhile.
  if (response.destroyed || app.draining.aborted) {
    hub.leave(subscription);
    response.destroy();
    return reply;
  }
  const comment = setInterval(() => response.write(':\n\n'), config.SSE_COMMENT_S * 1_000);
  const gone = clients.add(() => response.end());
  const unwatch = opener.watch?.(() => response.end());
  streams.inc();
  response.on('close', () => {
    clearInterval(comment);
    unwatch?.();
    gone();
    streams.dec();
    hub.leave(subscription);
  });
  const sent = Object.entries(reply.getHeaders()).flatMap(([field, value]) =>
    value === undefined ? [] : [[field, value]],
  );
  response.writeHead(200, {
    ...Object.fromEntries(sent),
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    // nginx would keep events until its buffer is full.
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${config.SSE_RETRY_MS}\n\n`);
  hub.begin(subscription);
  return reply;
}

function send(response: ServerResponse, event: Event, bufferMax: number): void {
  if (response.writableEnded || response.destroyed) return;
  delivered.inc();
  response.write(event.block);
  if (response.writableLength <= bufferMax) return;
  slowConsumers.inc({ transport: 'sse' });
  response.destroy();
}

export default routes;
