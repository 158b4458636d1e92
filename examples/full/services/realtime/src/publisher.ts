import type { State } from '@app/state';
import type { Config } from './config.ts';
import type { Topic } from './topic.ts';

/** Appends to a topic's stream and hints to all replicas; resolves with the event's id. */
export async function publish(
  state: State,
  topic: Topic,
  data: string,
  config: Config,
): Promise<string> {
  const TRIM = {
    strategy: 'MAXLEN',
    strategyModifier: '~',
    threshold: config.CHANNEL_MAXLEN,
  } as const;
  const [id] = await state.ask((redis) =>
    redis
      .multi()
      .xAdd(topic.key, '*', { type: 'message', data }, { TRIM })
      .expire(topic.key, config.CHANNEL_TTL_S)
      .publish(`hint:${topic.id}`, '')
      .execTyped(),
  );
  return id;
}
