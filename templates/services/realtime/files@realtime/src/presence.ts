import type { Hints, State } from '@app/state';
import type { FastifyBaseLogger } from 'fastify';
import { z } from 'zod';
import type { Config } from './config.ts';
import { Event } from './event.ts';
import type { Topic } from './topic.ts';

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

interface Present {
  entry: string;
  send: (event: Event) => void;
  /** Whether it has got the list, and from then on what changes in it. */
  told: boolean;
}

interface Room {
  topic: Topic;
  /** The members that this process has, by their ids. */
  members: Map<string, Present>;
  /** Entries of those who have left, still to be said. */
  leaving: Set<string>;
  /** What those who were told know. */
  known: { count: number; members: Member[] };
  /** When it may be told of again, by `performance.now()`. */
  rested: number;
  timer: NodeJS.Timeout | undefined;
  /** Whether the time of all members in the state store is to begin anew. */
  beat: boolean;
  telling: boolean;
  unlisten: () => void;
}

/**
 * Who is subscribed to a topic by WebSocket, over all replicas. A replica that crashes is forgotten
 * as its members expire.
 *
 * What a change costs must not grow with who is there: the list is short, whoever enters gets it
 * once, and all others are told what has changed in it, of all changes of an interval at once.
 */
export class Presence {
  readonly #state: State;
  readonly #hints: Hints;
  readonly #log: FastifyBaseLogger;
  readonly #config: Config;
  readonly #rooms = new Map<string, Room>();
  readonly #timer: NodeJS.Timeout;

  constructor(state: State, hints: Hints, log: FastifyBaseLogger, config: Config) {
    this.#state = state;
    this.#hints = hints;
    this.#log = log;
    this.#config = config;
    // Three beats in a lifetime: two may be lost.
    this.#timer = setInterval(
      () => {
        for (const room of this.#rooms.values()) {
          room.beat = true;
          void this.#tell(room);
        }
      },
      (config.PRESENCE_TTL_S * 1000) / 3,
    );
  }

  enter(topic: Topic, member: Member, send: (event: Event) => void): void {
    const room = this.#room(topic);
    const entry = JSON.stringify([member.id, member.caller]);
    room.leaving.delete(entry);
    room.members.set(member.id, { entry, send, told: false });
    this.#soon(room);
  }

  leave(topic: Topic, id: string): void {
    const room = this.#rooms.get(topic.id);
    const member = room?.members.get(id);
    if (!room || !member) return;
    room.members.delete(id);
    room.leaving.add(member.entry);
    this.#soon(room);
  }

  /** Says who has left, where that can be said. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#rooms.values()].map((room) => this.#tell(room)));
    for (const room of this.#rooms.values()) this.#close(room);
  }

  #room(topic: Topic): Room {
    const known = this.#rooms.get(topic.id);
    if (known) return known;
    const room: Room = {
      topic,
      members: new Map(),
      leaving: new Set(),
      known: { count: 0, members: [] },
      rested: 0,
      timer: undefined,
      beat: false,
      telling: false,
      unlisten: this.#hints.listen(hint(topic), () => this.#soon(room)),
    };
    this.#rooms.set(topic.id, room);
    return room;
  }

  #close(room: Room): void {
    clearTimeout(room.timer);
    this.#rooms.delete(room.topic.id);
    room.unlisten();
  }

  #soon(room: Room): void {
    if (this.#rooms.get(room.topic.id) !== room) return;
    const rest = Math.max(0, room.rested - performance.now());
    room.timer ??= setTimeout(() => {
      room.timer = undefined;
      void this.#tell(room);
    }, rest);
  }

  /** Tells the state store who has come and gone here, and the members here what has changed. */
  async #tell(room: Room): Promise<void> {
    // One after the other: differences build on those before.
    if (room.telling) return this.#soon(room);
    room.telling = true;
    room.rested = performance.now() + this.#config.PRESENCE_INTERVAL_S * 1000;
    const all = [...room.members.values()];
    const coming = all.filter(({ told }) => !told);
    const entering = room.beat ? all : coming;
    const leaving = [...room.leaving];
    room.beat = false;
    room.leaving.clear();
    try {
      const { count, members } = await this.#change(room.topic, entering, leaving);
      this.#show(room, coming, { count, members: members.map(([id, caller]) => ({ id, caller })) });
    } catch (error) {
      // Who has left is forgotten at their time; who has come is said by the next beat.
      this.#log.warn(
        { err: error, topic: room.topic.id },
        'presence not told: left to the next beat',
      );
    } finally {
      room.telling = false;
    }
    if (room.members.size === 0 && room.leaving.size === 0) this.#close(room);
  }

  async #change(
    topic: Topic,
    entering: Present[],
    leaving: string[],
  ): Promise<z.infer<typeof answer>> {
    const args = {
      key: `${topic.key}:presence`,
      hint: hint(topic),
      ttl_ms: this.#config.PRESENCE_TTL_S * 1000,
      listed: this.#config.PRESENCE_LISTED,
      entering: entering.map(({ entry }) => entry),
      leaving,
    };
    return answer.parse(await this.#state.run('presence', args));
  }

  /** Sends the list to `coming`, and what has changed in it to those who had it. */
  #show(room: Room, coming: Present[], present: Room['known']): void {
    const before = room.known;
    room.known = present;
    const joined = missing(present.members, before.members);
    const left = missing(before.members, present.members).map(({ id }) => id);
    if (joined.length > 0 || left.length > 0 || present.count !== before.count) {
      const change = this.#event(room, { count: present.count, joined, left });
      for (const { told, send } of room.members.values()) if (told) send(change);
    }
    const list = this.#event(room, present);
    const here = new Set(room.members.values());
    for (const member of coming) {
      member.told = true;
      if (here.has(member)) member.send(list);
    }
  }

  #event({ topic }: Room, data: object): Event {
    return new Event(topic.id, 'presence', JSON.stringify(data));
  }
}

/** Those of `members` who are not among `others`. */
function missing(members: Member[], others: Member[]): Member[] {
  const ids = new Set(others.map(({ id }) => id));
  return members.filter(({ id }) => !ids.has(id));
}

const hint = (topic: Topic): string => `hint:presence/${topic.id}`;
