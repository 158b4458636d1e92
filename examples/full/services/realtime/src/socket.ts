import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ANONYMOUS, ownerOf } from '@app/http/callers';
import { StateUnavailable } from '@app/state';
import type { FastifyInstance } from 'fastify';
import type { RawData, WebSocket } from 'ws';
import { parsePosition, type Event } from './event.ts';
import { drained, type Subscription } from './hub.ts';
import { events, slowConsumers, sockets, subscriptions } from './metrics.ts';
import type { Opener } from './plugins/openers.ts';
import { invalid, parseRequest, Refusal, type Ref, type Request } from './protocol.ts';
import { parseTopic, type Topic } from './topic.ts';

const delivered = events.labels('websocket');

/** Sends bytes as text, too: an event is encoded once and sent to many. */
const asText = { binary: false };

/** One WebSocket: reads requests, one at a time, and writes answers and events. */
export class Socket {
  readonly #id = randomUUID();
  readonly #app: FastifyInstance;
  readonly #opener: Opener;
  readonly #caller: string;
  readonly #stream: Duplex;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #publishes: Tokens;
  readonly #changes: Tokens;
  readonly #ws: WebSocket;
  #alive = true;
  #waiting = 0;
  #work = Promise.resolve();

  /**
   * @param stream what `ws` writes to: its buffer tells when more may be sent
   */
  constructor(ws: WebSocket, stream: Duplex, opener: Opener, app: FastifyInstance) {
    this.#app = app;
    this.#opener = opener;
    this.#caller = opener.caller;
    this.#stream = stream;
    const { PUBLISH_PER_SECOND, SUBSCRIBE_PER_SECOND, WS_SUBSCRIPTIONS_MAX } = app.config;
    this.#publishes = new Tokens(PUBLISH_PER_SECOND);
    // A client may change all of its subscriptions for others at once.
    this.#changes = new Tokens(SUBSCRIBE_PER_SECOND, 2 * WS_SUBSCRIPTIONS_MAX);
    this.#ws = ws;
    sockets.inc();
    ws.on('pong', () => (this.#alive = true));
    ws.on('message', (data, isBinary) => this.#take(data, isBinary));
    // ws has answered what it can, 1009 for one, and closes: nothing is left to do but to say so.
    ws.on('error', (error) => app.log.info({ err: error }, 'socket failed'));
    ws.on('close', () => {
      sockets.dec();
      this.#leaveAll();
    });
  }

  /** Ends the connection if the last ping was not answered, and sends the next one. */
  ping(): void {
    if (!this.#alive) return this.#ws.terminate();
    this.#alive = false;
    this.#ws.ping();
  }

  /** Sends a close frame behind all that is buffered; `ws` cuts off who does not answer it. */
  close(code: number, reason: string): void {
    this.#leaveAll();
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /** Requests are answered in order; while one is under way no more are read from the network. */
  #take(data: RawData, isBinary: boolean): void {
    this.#waiting += 1;
    this.#ws.pause();
    this.#work = this.#work
      .then(() => this.#answer(isBinary ? undefined : data.toString()))
      .finally(() => {
        this.#waiting -= 1;
        if (this.#waiting === 0) this.#ws.resume();
      });
  }

  async #answer(text: string | undefined): Promise<void> {
    let ref: Ref;
    try {
      if (text === undefined) throw invalid('Messages are text, not binary.');
      const message = parseRequest(text, this.#app.config.BODY_DEPTH_MAX);
      ref = message.ref;
      if (message.request instanceof Refusal) throw message.request;
      await this.#handle(message.request);
    } catch (error) {
      const { code, title, message: detail } = this.#refusal(error);
      this.#write(JSON.stringify({ op: 'error', ref, code, title, detail }));
    }
  }

  async #handle(request: Request): Promise<void> {
    const topic = parseTopic(this.#app.topics, request.topic);
    if (!topic)
      throw new Refusal(
        'unknown-topic',
        'No such topic',
        `There is no topic \`${request.topic}\`.`,
      );
    if (request.op !== 'publish' && !this.#changes.take()) {
      const most = `A socket subscribes and unsubscribes at most ${this.#app.config.SUBSCRIBE_PER_SECOND} times a second.`;
      throw new Refusal('rate-limited', 'Subscribed or unsubscribed too often', most);
    }
    switch (request.op) {
      case 'subscribe':
        return this.#subscribe(request, topic);
      case 'publish':
        return this.#publish(request, topic);
      case 'unsubscribe':
        this.#leave(topic);
        this.#write(JSON.stringify({ op: 'unsubscribed', ref: request.ref, topic: topic.id }));
    }
  }

  async #subscribe(request: Request & { op: 'subscribe' }, topic: Topic): Promise<void> {
    const { config, hub, presence, state } = this.#app;
    const after = request.after === undefined ? undefined : parsePosition(request.after);
    if (request.after !== undefined && !after) throw invalid('after: not the id of an event');
    this.#require('read', topic);
    // A second subscription to a topic takes the place of the first.
    this.#leave(topic);
    if (this.#subscriptions.size >= config.WS_SUBSCRIPTIONS_MAX) {
      const most = `A socket has at most ${config.WS_SUBSCRIPTIONS_MAX} subscriptions.`;
      throw new Refusal('too-many-subscriptions', 'Too many subscriptions', most);
    }
    const found = await topic.kind.find(state, topic.name, this.#caller);
    if (found === 'missing')
      throw new Refusal('not-found', 'No such topic', `\`${topic.id}\` does not exist.`);
    const reader = {
      send: (event: Event) => this.#send(event),
      drained: () => drained(this.#stream),
      end: () => this.#forget(topic),
    };
    const subscription = await hub.join(topic, reader, after, found === 'ended');
    if (this.#ws.readyState !== this.#ws.OPEN) return hub.leave(subscription);
    this.#subscriptions.set(topic.id, subscription);
    subscriptions.inc();
    const isShared = topic.kind.publish !== undefined;
    // Where it began: a client that is cut off before its first event resumes there.
    const { id: from } = subscription.position;
    this.#write(
      JSON.stringify({
        op: 'subscribed',
        ref: request.ref,
        topic: topic.id,
        after: from,
        member: isShared ? this.#id : undefined,
      }),
    );
    hub.begin(subscription);
    if (!isShared) return;
    const owner = ownerOf(this.#caller);
    const member = { id: this.#id, caller: owner === ANONYMOUS ? null : owner };
    presence.enter(topic, member, reader.send);
  }

  async #publish(request: Request & { op: 'publish' }, topic: Topic): Promise<void> {
    const { config, state } = this.#app;
    if (!topic.kind.publish) {
      throw new Refusal(
        'read-only',
        'The topic is read-only',
        `Nobody publishes to \`${topic.id}\`.`,
      );
    }
    this.#require('publish', topic);
    const data = JSON.stringify(request.data);
    if (Buffer.byteLength(data) > config.PUBLISH_MAX_BYTES) {
      throw new Refusal(
        'too-large',
        'The data is too large',
        `At most ${config.PUBLISH_MAX_BYTES} bytes of JSON.`,
      );
    }
    if (!this.#publishes.take()) {
      const most = `A socket publishes at most ${config.PUBLISH_PER_SECOND} times a second.`;
      throw new Refusal('rate-limited', 'Published too often', most);
    }
    const id = await topic.kind.publish(state, topic, this.#caller, data, config);
    this.#write(JSON.stringify({ op: 'published', ref: request.ref, topic: topic.id, id }));
  }

  #require(act: 'read' | 'publish', topic: Topic): void {
    if (this.#app.may(this.#opener, act, topic)) return;
    throw new Refusal('forbidden', 'Not allowed', `You may not ${act} \`${topic.id}\`.`);
  }

  #send(event: Event): void {
    delivered.inc();
    this.#write(event.frame);
  }

  #write(text: string | Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws.send(text, asText);
    if (this.#ws.bufferedAmount <= this.#app.config.WS_BUFFER_MAX_BYTES) return;
    slowConsumers.inc({ transport: 'websocket' });
    this.close(1013, 'too slow');
  }

  #leave(topic: Topic): void {
    const subscription = this.#subscriptions.get(topic.id);
    if (!subscription) return;
    this.#app.hub.leave(subscription);
    this.#forget(topic);
  }

  #forget(topic: Topic): void {
    if (!this.#subscriptions.delete(topic.id)) return;
    subscriptions.dec();
    this.#app.presence.leave(topic, this.#id);
  }

  #leaveAll(): void {
    for (const { topic } of [...this.#subscriptions.values()]) this.#leave(topic);
  }

  /** What a client is told of an error. */
  #refusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof StateUnavailable) {
      this.#app.log.warn({ err: error }, 'request failed');
      return new Refusal(
        'unavailable',
        'Temporarily unavailable',
        'The event store cannot be reached. Try again.',
      );
    }
    this.#app.log.error({ err: error }, 'request failed');
    return new Refusal('internal', 'The request failed', 'This is a mistake of the service.');
  }
}

/** Allows `burst` at once and then `perSecond` more each second. */
class Tokens {
  readonly #perSecond: number;
  readonly #burst: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number, burst = perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#left = burst;
  }

  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
