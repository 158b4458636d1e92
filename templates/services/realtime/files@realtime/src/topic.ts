import { readdir } from 'node:fs/promises';
import type { State } from '@app/state';
import type { Config } from './config.ts';

/** What a topic is to who asks: `ended` = no event follows those already written. */
export type Found = 'open' | 'ended' | 'missing';

/**
 * One kind of topics. Each file in `topics/` exports one as `kind`, and WebSockets have it. For its
 * event stream the gateway needs a route as well, beside its `routes/v1/channel-events.ts`, and Nginx,
 * where there is one, the prefix in the `location` of streams: it counts them.
 */
export interface TopicKind {
  /** What its topics begin with: `channels` in `channels/lobby`. */
  prefix: string;
  /** What may follow. */
  name: RegExp;
  /** Where its events are read over HTTP; `:name` is the topic's name. */
  eventsUrl: string;
  /** Where a reader without `after` begins. */
  from: 'start' | 'now';
  /** Types of event that end a topic. */
  terminal: ReadonlySet<string>;
  /** The Redis stream that is the truth; entries have `type`, and `data`: JSON on one line. */
  key(name: string): string;
  /** @param caller the API key's name or, where none is needed, an address: see `ownerOf` */
  find(state: State, name: string, caller: string): Promise<Found>;
  /**
   * Where clients publish, and see who else is present: writes an event and resolves with its id.
   *
   * @param caller of whose share of the memory the event takes
   * @param data JSON on one line
   */
  publish?(
    state: State,
    topic: Topic,
    caller: string,
    data: string,
    config: Config,
  ): Promise<string>;
}

export interface Topic {
  /** As clients write it: `channels/lobby`. */
  id: string;
  name: string;
  key: string;
  kind: TopicKind;
}

export type Topics = ReadonlyMap<string, TopicKind>;

export async function loadTopics(): Promise<Topics> {
  const folder = new URL('./topics/', import.meta.url);
  const topics = new Map<string, TopicKind>();
  for (const file of (await readdir(folder)).sort()) {
    const { kind }: { kind: TopicKind } = await import(new URL(file, folder).href);
    topics.set(kind.prefix, kind);
  }
  return topics;
}

export function topicOf(kind: TopicKind, name: string): Topic | undefined {
  if (!kind.name.test(name)) return undefined;
  return { id: `${kind.prefix}/${name}`, name, key: kind.key(name), kind };
}

export function parseTopic(topics: Topics, id: string): Topic | undefined {
  const slash = id.indexOf('/');
  const kind = topics.get(id.slice(0, slash));
  return kind && topicOf(kind, id.slice(slash + 1));
}
