import { endOf, followByAsking, isTerminal, read } from './jobs.js';

/** @import { Connection } from './connection.js' */
/** @import { Job, OnStep } from './jobs.js' */

/**
 * Follows jobs by their events, which resume after a lost connection. Where events are gone, or
 * refused, the job itself is asked.
 * @param {Connection} connection
 * @returns {(job: Job, onStep: OnStep) => Promise<void>}
 */
export function followByEvents(connection) {
  return (job, onStep) =>
    new Promise((resolve, reject) => {
      const ask = () => {
        unsubscribe();
        followByAsking(job, onStep).then(resolve, reject);
      };
      const unsubscribe = connection.subscribe(
        `jobs/${job.id}`,
        ({ id, type, data }) => {
          if (type === 'gap') return ask();
          const step = { ...data, eventId: id ?? undefined };
          if (!isTerminal(type)) return onStep(step);
          unsubscribe();
          // An event holds an output that is small, and no error.
          if (data.output) resolve(onStep(step));
          else read(job.id).then((now) => resolve(onStep({ ...step, ...endOf(now) })), reject);
        },
        { onError: ask },
      );
    });
}
