import type { State } from '@app/state';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { Refusal } from '../protocol.ts';
import type { Topic, TopicKind } from '../topic.ts';

const answer = z.discriminatedUnion('result', [
  z.object({ result: z.literal('published'), id: z.string() }),
  z.object({ result: z.literal('full'), whose: z.enum(['caller', 'all']) }),
]);

/** Channels exist as soon as somebody names them, and are open to every caller. */
export const kind: TopicKind = {
  prefix: 'channels',
  name: /^[A-Za-z0-9_.-]{1,128}$/,
  eventsUrl: '/v1/channels/:name/events',
  from: 'now',
  terminal: new Set(),
  key: (name) => `channel:${name}`,
  find: async () => 'open',
  publish,
};

/** Appends to a channel's stream and hints to all replicas. */
async function publish(
  state: State,
  topic: Topic,
  caller: string,
  data: string,
  config: Config,
): Promise<string> {
  const args = {
    channel: topic.name,
    caller,
    topic: topic.id,
    ttl_s: config.CHANNEL_TTL_S,
    maxlen: config.CHANNEL_MAXLEN,
    channel_bytes: config.CHANNEL_MAX_BYTES,
    caller_bytes: config.CHANNELS_CALLER_MAX_BYTES,
    all_bytes: config.CHANNELS_MAX_BYTES,
  };
  const reply = answer.parse(await state.run('publish', args, data));
  if (reply.result === 'published') return reply.id;
  const [who, most] =
    reply.whose === 'caller'
      ? ['one caller', config.CHANNELS_CALLER_MAX_BYTES]
      : ['all callers', config.CHANNELS_MAX_BYTES];
  throw new Refusal(
    reply.whose === 'caller' ? 'quota-exceeded' : 'channels-full',
    'The channels are full',
    `Events of ${who} take up at most ${most} bytes. Those of a channel are kept for ${config.CHANNEL_TTL_S} s after its last one.`,
  );
}
