// Written by packages/contracts/generate.ts from contracts/job-event.schema.json.

/**
 * The data of an event of the topic jobs/{id}. The event's type is beside it.
 */
export interface JobEvent {
  /**
   * A ULID: it sorts by the time of acceptance.
   */
  id: string;
  /**
   * The job's status since this event.
   */
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'expired';
  attempt: number;
  progress: number;
  /**
   * When it happened, by the clock of Redis.
   */
  at: string;
  /**
   * The job's output, if it succeeded and its output has less than 4 KiB. Otherwise it is fetched with the job.
   */
  output?: {
    [k: string]: unknown;
  };
}
