import { setTimeout as wait } from 'node:timers/promises';
import type { Personal } from '@app/sessions/personal';
import { z } from 'zod';

/** How often it is looked whether a job still runs that was asked to end. */
const PAUSE_MS = 200;
/** What is canceled is forgotten at once. */
const NO_TIME = { result_s: 0, events_s: 0, dead_s: 0, events_maxlen: 1 };

const Owned = z.object({
  cursor: z.string(),
  jobs: z.array(z.looseObject({ id: z.string() })),
});
const Erased = z.object({ cursor: z.string(), erased: z.number(), running: z.number() });

/** The predictions that a person has asked for. */
export const personal: Personal = {
  name: 'predictions',

  async export(state, caller) {
    // One that is seen twice is one.
    const jobs = new Map<string, unknown>();
    let cursor = '0';
    do {
      const found = Owned.parse(await state.run('owned', { caller, cursor }));
      for (const job of found.jobs) jobs.set(job.id, job);
      cursor = found.cursor;
    } while (cursor !== '0');
    return [...jobs.values()];
  },

  async erase(state, caller) {
    let erased = 0;
    for (;;) {
      let running = 0;
      let cursor = '0';
      do {
        const args = { caller, cursor, limits: NO_TIME };
        const done = Erased.parse(await state.run('erase', args));
        erased += done.erased;
        running += done.running;
        cursor = done.cursor;
      } while (cursor !== '0');
      if (running === 0) return erased;
      await wait(PAUSE_MS);
    }
  },
};
