import type { ServerResponse } from 'node:http';
import type { Callers } from '@app/callers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { drained } from './drained.ts';
import type { Event } from './event.ts';
import type { Reader } from './hub.ts';
import { parsePosition } from './ids.ts';
import { events, slowConsumers, streams } from './metrics.ts';
import { problem } from './problem.ts';
import type { Shared } from './socket.ts';
import { topicOf, type TopicKind } from './topic.ts';

const delivered = events.labels('sse');

/** `after` is for the first time; an EventSource that comes back says it in a header. */
interface Route {
  Params: { name: string };
  Querystring: { after?: string };
}

/** One topic as server-sent events, with the same ids as on a socket. */
export class Streams {
  readonly #callers: Callers;
  readonly #open = new Set<ServerResponse>();
  readonly #shared: Shared;
  #draining = false;

  constructor(callers: Callers, shared: Shared) {
    this.#callers = callers;
    this.#shared = shared;
  }

  register(app: FastifyInstance): void {
    const schema = {
      querystring: { type: 'object', properties: { after: { type: 'string' } } },
    };
    for (const kind of this.#shared.topics.values()) {
      app.get<Route>(kind.eventsUrl, { schema, exposeHeadRoute: false }, (request, reply) =>
        this.#answer(kind, request, reply),
      );
    }
  }

  /** Responses that are open, to be ended one by one. */
  drain(): ServerResponse[] {
    this.#draining = true;
    return [...this.#open];
  }

  async #answer(
    kind: TopicKind,
    request: FastifyRequest<Route>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { config, hub, state } = this.#shared;
    const { headers, ip, params, query, url } = request;
    const caller = this.#callers.identify({ authorization: headers.authorization, address: ip });
    if (caller === undefined)
      return problem(reply, 401, 'unauthorized', 'A valid API key is needed.');
    const topic = topicOf(kind, params.name);
    const name = this.#callers.configured ? caller : undefined;
    const found = topic ? await kind.find(state, topic.name, name) : 'missing';
    if (!topic || found === 'missing')
      return problem(reply, 404, 'not-found', `There is nothing at ${url}.`);

    const given = headers['last-event-id'] ?? query.after;
    const after = given === undefined ? undefined : parsePosition(String(given));
    if (given !== undefined && !after) {
      return problem(reply, 422, 'invalid-event-id', 'Last-Event-ID is not the id of an event.');
    }
    // An EventSource comes back after every end; only this answer stops it.
    if (found === 'ended' && !(await hub.follows(topic, after))) return reply.code(204).send();

    const response = reply.raw;
    const reader: Reader = {
      send: (event) => this.#send(response, event),
      drained: () => drained(response),
      end: () => response.end(),
    };
    const subscription = await hub.join(topic, reader, after, found === 'ended');
    reply.hijack();
    // It closed while its place was looked for, or everything else has ended meanwhile.
    if (response.destroyed || this.#draining) {
      hub.leave(subscription);
      response.destroy();
      return reply;
    }
    const comment = setInterval(() => response.write(':\n\n'), config.SSE_COMMENT_S * 1000);
    this.#open.add(response);
    streams.inc();
    response.on('close', () => {
      clearInterval(comment);
      this.#open.delete(response);
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

  #send(response: ServerResponse, event: Event): void {
    if (response.writableEnded || response.destroyed) return;
    delivered.inc();
    response.write(event.block);
    if (response.writableLength <= this.#shared.config.WS_BUFFER_MAX_BYTES) return;
    slowConsumers.inc({ transport: 'sse' });
    response.destroy();
  }
}
