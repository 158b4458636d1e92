// Written by packages/contracts/generate.ts.

// From contracts/job-event.schema.json.

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

// From contracts/job.schema.json.

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
  error: JobProblem | null;
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
export interface JobProblem {
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

// From contracts/prediction-request.schema.json.

/**
 * The body of POST /v1/predictions.
 */
export interface PredictionRequest {
  /**
   * The name of a model, as inference lists it.
   */
  model: string;
  input: InferenceRequest;
  /**
   * Seconds from now after which the job is not worth running. Bounded by `deadline_max_s` of limits.json, which also names the default.
   */
  deadline_s?: number;
}
/**
 * An inference request of the Open Inference Protocol.
 */
export interface InferenceRequest {
  /**
   * @minItems 1
   * @maxItems 64
   */
  inputs: [InputTensor, ...InputTensor[]];
  /**
   * Hints to the server, passed on unread.
   */
  parameters?: {
    [k: string]: unknown;
  };
}
/**
 * One named input of the model.
 */
export interface InputTensor {
  name: string;
  /**
   * The extent of each dimension; the first one counts the rows.
   *
   * @minItems 1
   * @maxItems 8
   */
  shape:
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
