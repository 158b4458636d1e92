import { ownChannel } from '@app/sessions/channels';
import type { Personal } from '@app/sessions/personal';
import { subOf } from '@app/sessions/sessions';
import type { State } from '@app/state';
import { z } from 'zod';
import { kind } from '../topics/channels.ts';

const Withdrawn = z.object({ withdrawn: z.number() });

/** What a person has published in channels, and what stands in the person's own. */
export const personal: Personal = {
  name: 'messages',

  async export(state, owner) {
    const messages: unknown[] = [];
    for (const channel of await channels(state)) {
      const entries = await state.ask(async (redis) => redis.xRange(kind.key(channel), '-', '+'));
      for (const { id, message } of entries ?? []) {
        const { by, data = 'null' } = message;
        if (by === owner || channel === ownChannel(subOf(owner)))
          messages.push({ channel, id, data: JSON.parse(data) });
      }
    }
    return messages;
  },

  async erase(state, caller) {
    let count = 0;
    for (const channel of await channels(state)) {
      const all = channel === ownChannel(subOf(caller));
      const reply = await state.run('withdraw', { channel, caller, all });
      count += Withdrawn.parse(reply).withdrawn;
    }
    return count;
  },
};

async function channels(state: State): Promise<string[]> {
  return await state.ask(async (redis) => redis.zRange('channels', 0, -1));
}
