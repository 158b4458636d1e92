import { ownerOf } from '@app/http/callers';
import type { TopicKind } from '../topic.ts';

/** A job's story, from its beginning. Other callers' jobs do not exist for a caller. */
export const kind: TopicKind = {
  prefix: 'jobs',
  name: /^[0-9A-HJKMNP-TV-Z]{26}$/,
  eventsUrl: '/v1/predictions/:name/events',
  from: 'start',
  terminal: new Set(['succeeded', 'failed', 'canceled', 'expired']),
  key: (id) => `job:${id}:events`,
  find: async (state, id, caller) => {
    const [owner, status] = await state.ask((redis) =>
      redis.hmGet(`job:${id}`, ['caller', 'status']),
    );
    if (!status || ownerOf(owner ?? '') !== ownerOf(caller)) return 'missing';
    return kind.terminal.has(status) ? 'ended' : 'open';
  },
};
