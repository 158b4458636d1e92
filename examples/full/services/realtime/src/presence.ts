import type { Hints, State } from '@app/state';
import type { FastifyBaseLogger } from 'fastify';
import { z } from 'zod';
import { Event } from './event.ts';
import type { Topic } from './topic.ts';

/** Members listed in an event; the count is of all. */
const listed = 100;
/** Many who come at once are told of in one event. */
const settle_ms = 100;

/** An entry of the set is a member as JSON: what one replica writes all others read. */
const answer = z.object({
  count: z.number(),
  members: z.array(z.tuple([z.string(), z.string().nullable()])),
});

export interface Member {
  id: string;
  /** The name of its API key; null where callers are not known. */
  caller: string | null;
}

interface Room {
  topic: Topic;
  /** By socket: what is in the set, and how to tell it. */
  members: Map<string, { entry: string; send: (event: Event) => void }>;
  shown: string;
  timer: NodeJS.Timeout | undefined;
  unlisten: () => void;
}

/**
 * Who is subscribed to a topic by WebSocket, over all replicas. A replica that crashes is forgotten
 * as its members expire.
 */
export class Presence {
  readonly #state: State;
  readonly #hints: Hints;
  readonly #log: FastifyBaseLogger;
  readonly #ttl_ms: number;
  readonly #rooms = new Map<string, Room>();
  readonly #timer: NodeJS.Timeout;

  constructor(state: State, hints: Hints, log: FastifyBaseLogger, ttlSeconds: number) {
    this.#state = state;
    this.#hints = hints;
    this.#log = log;
    this.#ttl_ms = ttlSeconds * 1000;
    // Three beats in a lifetime: two may be lost.
    this.#timer = setInterval(() => {
      for (const room of this.#rooms.values()) void this.#beat(room);
    }, this.#ttl_ms / 3);
  }

  enter(topic: Topic, member: Member, send: (event: Event) => void): void {
    const room = this.#room(topic);
    room.members.set(member.id, { entry: JSON.stringify([member.id, member.caller]), send });
    room.shown = '';
    void this.#change(room, () => this.#touch(room, [member.id]));
  }

  leave(topic: Topic, id: string): void {
    const room = this.#rooms.get(topic.id);
    const member = room?.members.get(id);
    if (!room || !member) return;
    room.members.delete(id);
    if (room.members.size === 0) this.#close(room);
    void this.#change(room, () => this.#state.ask((redis) => redis.zRem(key(topic), member.entry)));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const room of this.#rooms.values()) this.#close(room);
  }

  #room(topic: Topic): Room {
    const known = this.#rooms.get(topic.id);
    if (known) return known;
    const unlisten = this.#hints.listen(hint(topic), () => this.#soon(room));
    const room: Room = { topic, members: new Map(), shown: '', timer: undefined, unlisten };
    this.#rooms.set(topic.id, room);
    return room;
  }

  #close(room: Room): void {
    clearTimeout(room.timer);
    this.#rooms.delete(room.topic.id);
    room.unlisten();
  }

  async #change(room: Room, change: () => Promise<unknown>): Promise<void> {
    try {
      await change();
      await this.#state.ask((redis) => redis.publish(hint(room.topic), ''));
      this.#soon(room);
    } catch (error) {
      this.#log.warn(
        { err: error, topic: room.topic.id },
        'presence not changed: left to the beat',
      );
    }
  }

  #soon(room: Room): void {
    if (this.#rooms.get(room.topic.id) !== room) return;
    room.timer ??= setTimeout(() => {
      room.timer = undefined;
      void this.#beat(room);
    }, settle_ms);
  }

  /** Keeps this process' members alive and tells them of what has changed. */
  async #beat(room: Room): Promise<void> {
    try {
      const { count, members } = await this.#touch(room, [...room.members.keys()]);
      const data = JSON.stringify({
        count,
        members: members.map(([id, caller]) => ({ id, caller })),
      });
      if (data === room.shown) return;
      room.shown = data;
      const event = new Event(room.topic.id, 'presence', data);
      for (const { send } of room.members.values()) send(event);
    } catch (error) {
      this.#log.warn(
        { err: error, topic: room.topic.id },
        'presence not read: left to the next beat',
      );
    }
  }

  async #touch(room: Room, ids: string[]): Promise<z.infer<typeof answer>> {
    const entries = ids.flatMap((id) => room.members.get(id)?.entry ?? []);
    const args = { key: key(room.topic), ttl_ms: this.#ttl_ms, entries, listed };
    return answer.parse(await this.#state.run('presence', args));
  }
}

const key = (topic: Topic): string => `${topic.key}:presence`;
const hint = (topic: Topic): string => `hint:presence/${topic.id}`;
