import type { State } from '@app/state';
import { z } from 'zod';
import type { Config } from './config.ts';
import { Refusal } from './protocol.ts';
import type { Topic } from './topic.ts';

const answer = z.discriminatedUnion('result', [
  z.object({ result: z.literal('published'), id: z.string() }),
  z.object({ result: z.literal('full'), whose: z.enum(['caller', 'all']) }),
]);

/**
 * Appends to a topic's stream and hints to all replicas; resolves with the event's id.
 *
 * @param caller of whose share of the channels' memory the event takes
 * @param data JSON on one line
 */
export async function publish(
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
