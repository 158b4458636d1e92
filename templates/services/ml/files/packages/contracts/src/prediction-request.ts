// Written by packages/contracts/generate.ts from contracts/prediction-request.schema.json.

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
