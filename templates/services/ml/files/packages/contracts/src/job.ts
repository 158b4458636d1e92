// Written by packages/contracts/generate.ts from contracts/job.schema.json.

/**
 * A prediction, from its acceptance to the end of its result's life.
 */
export interface Job {
  /**
   * A ULID: it sorts by the time of acceptance.
   */
  id: string;
  /**
   * queued -> running -> succeeded | failed | canceled | expired; a retry goes back to queued.
   */
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'expired';
  model: string;
  /**
   * The version that answered.
   */
  model_version: string | null;
  /**
   * The number of the present attempt. Only failures and lost leases count.
   */
  attempt: number;
  /**
   * How much of the present attempt is done.
   */
  progress: number;
  /**
   * When the job was accepted.
   */
  created_at: string;
  /**
   * When a worker first took it.
   */
  started_at: string | null;
  /**
   * When it reached its terminal status.
   */
  finished_at: string | null;
  /**
   * When it expires, if it is not terminal by then.
   */
  deadline_at: string;
  /**
   * Until when the job can be read; null while it is not terminal.
   */
  expires_at: string | null;
  /**
   * What the model answered, once succeeded.
   */
  output: InferenceResponse | null;
  /**
   * Why it failed; on a job that waits for its next attempt, why the last one did.
   */
  error: Problem | null;
  links: {
    self: string;
    /**
     * Server-sent events of this job, where the project has them.
     */
    events?: string;
  };
  /**
   * The trace (W3C Trace Context) of the request that made the job.
   */
  trace_id: string | null;
  /**
   * The dead job that this one repeats.
   */
  redriven_from: string | null;
}
/**
 * An inference response of the Open Inference Protocol.
 */
export interface InferenceResponse {
  model_name: string;
  model_version?: string;
  id?: string;
  outputs: OutputTensor[];
  [k: string]: unknown;
}
/**
 * One named output of the model.
 */
export interface OutputTensor {
  name: string;
  /**
   * The extent of each dimension; the first one counts the rows.
   *
   * @minItems 0
   * @maxItems 8
   */
  shape:
    | []
    | [number]
    | [number, number]
    | [number, number, number]
    | [number, number, number, number]
    | [number, number, number, number, number]
    | [number, number, number, number, number, number]
    | [number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number];
  datatype:
    | 'BOOL'
    | 'UINT8'
    | 'UINT16'
    | 'UINT32'
    | 'UINT64'
    | 'INT8'
    | 'INT16'
    | 'INT32'
    | 'INT64'
    | 'FP16'
    | 'FP32'
    | 'FP64'
    | 'BYTES';
  /**
   * The values in row-major order, flat or nested as the shape says.
   */
  data: unknown[];
  /**
   * Hints to the server, passed on unread.
   */
  parameters?: {
    [k: string]: unknown;
  };
}
/**
 * A problem document (RFC 9457).
 */
export interface Problem {
  /**
   * A URI reference that names the kind of problem.
   */
  type: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  /**
   * What is wrong where, for a document that does not fit its schema.
   */
  errors?: {
    /**
     * A JSON pointer (RFC 6901) into the request.
     */
    pointer: string;
    detail: string;
  }[];
  [k: string]: unknown;
}
