import type { Writable } from 'node:stream';
import type { Hints, State } from '@app/state';
import type { FastifyBaseLogger } from 'fastify';
import { Event, isAfter, parsePosition, start, type Position } from './event.ts';
import { lag } from './metrics.ts';
import type { Topic } from './topic.ts';

/** How many entries one read takes: enough to be rare, few enough to be small. */
const page = 100;

/** Who reads a topic: a socket or an HTTP response. */
export interface Reader {
  send(event: Event): void;
  /** Resolves when what was sent has left: while catching up, memory must not grow with history. */
  drained(): Promise<void>;
  /** The topic has told its last event. */
  end(): void;
}

interface Read {
  events: Event[];
  /** The entry at the position read from is gone: there may have been others after it. */
  gap: boolean;
  more: boolean;
  position: Position;
}

/** One reader's place in one topic. */
export class Subscription {
  readonly topic: Topic;
  readonly reader: Reader;
  readonly ended: boolean;
  position: Position;
  state: 'joining' | 'behind' | 'reading' | 'live' | 'left' = 'joining';

  constructor(topic: Topic, reader: Reader, position: Position, ended: boolean) {
    this.topic = topic;
    this.reader = reader;
    this.position = position;
    this.ended = ended;
  }

  deliver(event: Event): void {
    if (this.state === 'left') return;
    if (event.position) {
      if (!isAfter(event.position, this.position)) return;
      this.position = event.position;
    }
    this.reader.send(event);
  }
}

interface Feed {
  topic: Topic;
  subscriptions: Set<Subscription>;
  /** How far the live subscriptions have been told; undefined while there is none. */
  position: Position | undefined;
  unlisten: () => void;
  reading: boolean;
  again: boolean;
}

/**
 * Reads each topic once for all its readers in this process.
 *
 * The stream is the truth, pub/sub only says that there is something to read, and a poll makes up
 * for hints that were lost. A new reader is subscribed to hints first, then reads the stream by
 * itself until it has caught up with the others, and what it has seen is dropped: no event is
 * missing and none comes twice.
 */
export class Hub {
  readonly #state: State;
  readonly #hints: Hints;
  readonly #log: FastifyBaseLogger;
  readonly #feeds = new Map<string, Feed>();
  readonly #timer: NodeJS.Timeout;

  constructor(state: State, hints: Hints, log: FastifyBaseLogger, pollSeconds: number) {
    this.#state = state;
    this.#hints = hints;
    this.#log = log;
    this.#timer = setInterval(() => {
      for (const feed of this.#feeds.values()) this.#look(feed);
    }, pollSeconds * 1000);
  }

  /** Finds the place to begin at; nothing is sent before `begin`. Rejects while Redis is away. */
  async join(
    topic: Topic,
    reader: Reader,
    after: Position | undefined,
    ended: boolean,
  ): Promise<Subscription> {
    const subscription = new Subscription(topic, reader, after ?? start, ended);
    this.#feed(topic).subscriptions.add(subscription);
    try {
      if (!after && topic.kind.from === 'now') subscription.position = await this.#last(topic);
    } catch (error) {
      this.leave(subscription);
      throw error;
    }
    return subscription;
  }

  /** Whether there is an event after `after`. */
  async follows(topic: Topic, after: Position = start): Promise<boolean> {
    const read = await this.#read(topic, after);
    return read.events.length > 0;
  }

  begin(subscription: Subscription): void {
    const feed = this.#feeds.get(subscription.topic.id);
    if (feed && subscription.state === 'joining') void this.#catchUp(feed, subscription);
  }

  leave(subscription: Subscription): void {
    subscription.state = 'left';
    const { id } = subscription.topic;
    const feed = this.#feeds.get(id);
    if (!feed?.subscriptions.delete(subscription)) return;
    if (feed.subscriptions.size === 0) {
      this.#feeds.delete(id);
      feed.unlisten();
    }
    if (![...feed.subscriptions].some(({ state }) => state === 'live')) feed.position = undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #feed(topic: Topic): Feed {
    const known = this.#feeds.get(topic.id);
    if (known) return known;
    const feed: Feed = {
      topic,
      subscriptions: new Set(),
      position: undefined,
      unlisten: this.#hints.listen(`hint:${topic.id}`, () => this.#look(feed)),
      reading: false,
      again: false,
    };
    this.#feeds.set(topic.id, feed);
    return feed;
  }

  #look(feed: Feed): void {
    void this.#readLive(feed);
    for (const subscription of feed.subscriptions) {
      // Still behind: its last attempt failed.
      if (subscription.state === 'behind') void this.#catchUp(feed, subscription);
    }
  }

  /** Tells the live subscriptions what is new. */
  async #readLive(feed: Feed): Promise<void> {
    feed.again = true;
    if (feed.reading) return;
    feed.reading = true;
    try {
      while (feed.again && feed.position) {
        feed.again = false;
        const read = await this.#read(feed.topic, feed.position);
        const live = [...feed.subscriptions].filter(({ state }) => state === 'live');
        if (live.length === 0) break;
        feed.again ||= read.more;
        feed.position = read.position;
        // A stream that is gone has expired after everything was told.
        if (read.gap && read.position.id !== start.id)
          read.events.unshift(gap(feed.topic, live[0]?.position));
        for (const event of read.events) {
          if (event.position) lag.observe(Math.max(0, Date.now() - event.position.ms) / 1000);
          for (const subscription of live) subscription.deliver(event);
        }
        if (read.gap) for (const subscription of live) subscription.position = read.position;
        if (this.#ends(feed.topic, read.events))
          for (const subscription of live) this.#end(subscription);
      }
    } catch (error) {
      this.#log.warn({ err: error, topic: feed.topic.id }, 'not read: left to the poll');
    } finally {
      feed.reading = false;
    }
  }

  /** Reads for one subscription alone until it is where the live ones are. */
  async #catchUp(feed: Feed, subscription: Subscription): Promise<void> {
    const { topic, reader } = subscription;
    subscription.state = 'reading';
    const left = (): boolean => subscription.state === 'left';
    try {
      for (;;) {
        const before = feed.position;
        const read = await this.#read(topic, subscription.position);
        if (left()) return;
        if (read.gap) subscription.deliver(gap(topic, subscription.position));
        for (const event of read.events) {
          subscription.deliver(event);
          await reader.drained();
          if (left()) return;
        }
        subscription.position = read.position;
        if (this.#ends(topic, read.events)) return this.#end(subscription);
        if (read.more) continue;
        const idle = read.events.length === 0 && feed.position === before;
        if (feed.position && isAfter(feed.position, subscription.position) && !idle) continue;
        if (subscription.ended) {
          // The topic's events have expired and it will have no others.
          if (subscription.position.id === start.id) subscription.deliver(gap(topic, start));
          return this.#end(subscription);
        }
        subscription.state = 'live';
        feed.position ??= subscription.position;
        // A hint may have come when there was nobody live to tell.
        if (feed.again) void this.#readLive(feed);
        return;
      }
    } catch (error) {
      if (!left()) subscription.state = 'behind';
      this.#log.warn({ err: error, topic: topic.id }, 'not caught up: left to the poll');
    }
  }

  #ends(topic: Topic, events: Event[]): boolean {
    const last = events.at(-1);
    return last !== undefined && topic.kind.terminal.has(last.type);
  }

  #end(subscription: Subscription): void {
    this.leave(subscription);
    subscription.reader.end();
  }

  /** Reads from the entry at `from`, itself included: its absence is seen in the same answer. */
  async #read(topic: Topic, from: Position): Promise<Read> {
    const reply = await this.#state.ask((redis) =>
      redis.xRange(topic.key, from.id, '+', { COUNT: page + 1 }),
    );
    const entries = reply ?? [];
    const gap = from.id !== start.id && entries[0]?.id !== from.id;
    const fresh = entries.filter(({ id }) => id !== from.id);
    const events = fresh.map(
      ({ id, message }) =>
        new Event(topic.id, message['type'] ?? '', message['data'] ?? 'null', id),
    );
    const position = events.at(-1)?.position ?? (gap ? await this.#last(topic) : from);
    return { events, gap, more: entries.length > page, position };
  }

  async #last(topic: Topic): Promise<Position> {
    const entries = await this.#state.ask((redis) =>
      redis.xRevRange(topic.key, '+', '-', { COUNT: 1 }),
    );
    return parsePosition(entries?.[0]?.id ?? start.id) ?? start;
  }
}

function gap(topic: Topic, after: Position | undefined): Event {
  return new Event(topic.id, 'gap', JSON.stringify({ after: after?.id ?? null }));
}

/** Resolves when `stream` takes more without growing its buffer, or has closed. */
export async function drained(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}
