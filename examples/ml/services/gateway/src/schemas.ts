import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractsDir } from '@app/contracts';
import type {
  Job as JobType,
  PredictionRequest as PredictionRequestType,
} from '@app/contracts/types';
import { z } from 'zod';

/**
 * A schema that all services share; its type is generated from the same file. It is once in the
 * OpenAPI document, by its title.
 */
function load<Document>(file: string): z.ZodType<Document> {
  const schema: z.core.JSONSchema.BaseSchema = JSON.parse(
    readFileSync(join(contractsDir, file), 'utf8'),
  );
  return z.fromJSONSchema(schema).meta({ id: schema.title }) as z.ZodType<Document>;
}

export const Job = load<JobType>('job.schema.json');
export const PredictionRequest = load<PredictionRequestType>('prediction-request.schema.json');

/**
 * The messages of the Open Inference Protocol, as its clients are told of them. Requests pass
 * through unread: inference validates them.
 * Source: specification/protocol/inference_rest.md of github.com/kserve/open-inference-protocol.
 */
const Datatype = z.enum([
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
]);
const name = z.string().min(1).max(255);
const parameters = z.looseObject({}).optional();

export const InferRequest = z.looseObject({
  id: z.string().optional(),
  inputs: z
    .array(
      z.looseObject({
        name,
        shape: z.array(z.int().min(1)).max(8),
        datatype: Datatype,
        data: z.array(z.unknown()).optional(),
        parameters,
      }),
    )
    .min(1)
    .max(64),
  outputs: z.array(z.looseObject({ name, parameters })).max(64).optional(),
  parameters,
});

export const InferResponse = z.looseObject({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(
    z.looseObject({
      name: z.string(),
      shape: z.array(z.int()),
      datatype: Datatype,
      data: z.array(z.unknown()).optional(),
    }),
  ),
});

/** For the model that comes with the project. */
export const EXAMPLE = {
  inputs: [
    { name: 'image', shape: [1, 64], datatype: 'FP32', data: Array.from({ length: 64 }, () => 0) },
  ],
};
