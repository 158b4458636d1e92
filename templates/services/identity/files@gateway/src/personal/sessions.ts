import type { Personal } from '@app/sessions/personal';
import { Sessions, subOf } from '@app/sessions/sessions';
import type { State } from '@app/state';

/** Where a person is signed in. */
export const personal: Personal = {
  name: 'sessions',
  first: true,

  async export(state, owner) {
    const found = await sessionsOf(state).list(subOf(owner));
    return found.map(({ session: { idToken: _, refreshToken: __, ...session } }) => session);
  },

  async erase(state, owner) {
    return await sessionsOf(state).endAll(subOf(owner));
  },
};

function sessionsOf(state: State): Sessions {
  // None begins here, and none goes on.
  return new Sessions(state, { idle_s: 0, max_s: 0 });
}
