import type { Personal } from '@app/sessions/personal';

/** How many requests a person has made in this minute. */
export const personal: Personal = {
  name: 'requests',

  async export(state, owner) {
    const count = await state.ask(async (redis) => redis.get(`rate:${owner}`));
    return count === null ? [] : [{ this_minute: Number(count) }];
  },

  async erase(state, owner) {
    return await state.ask(async (redis) => redis.del(`rate:${owner}`));
  },
};
