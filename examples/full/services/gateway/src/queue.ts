/** What the queue needs of the environment, beside what the state store needs. */
export const environment = {};

/** How a job reaches the workers once it is accepted. Every adapter has this form. */
export interface Queue {
  /** What the script that accepts a job is told. */
  accepting(): { stream: boolean; claim_ms?: number };
  /** Called with each accepted job; `claim` is what the script answered. */
  publish(job: { id: string; service: string }, claim: string | undefined): void;
  close(): Promise<void>;
}

export interface QueueContext {
  config: object;
  name: string;
  log: object;
  run: (script: string, args: object) => Promise<unknown>;
}

/**
 * With Redis Streams, accepting a job also writes its entry to the queue, in one script: nothing
 * is left to publish, and no crash can come between the two.
 */
export function openQueue(_: QueueContext): Queue {
  return { accepting: () => ({ stream: true }), publish() {}, async close() {} };
}
