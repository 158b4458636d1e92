import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractsDir } from '@app/contracts';
import type { Job as JobType } from '@app/contracts/job';
import type { PredictionRequest as PredictionRequestType } from '@app/contracts/prediction-request';
import { z } from 'zod';

/** A schema that all services share; its type is generated from the same file. */
function load<Document>(file: string): z.ZodType<Document> {
  const schema: z.core.JSONSchema.BaseSchema = JSON.parse(
    readFileSync(join(contractsDir, file), 'utf8'),
  );
  return z.fromJSONSchema(schema) as z.ZodType<Document>;
}

export const Job = load<JobType>('job.schema.json');
export const PredictionRequest = load<PredictionRequestType>('prediction-request.schema.json');
