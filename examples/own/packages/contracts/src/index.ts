import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Where the contracts are: schemas, scripts and limits, shared with the Python services. */
export const contractsDir =
  process.env['CONTRACTS_DIR'] || join(import.meta.dirname, '../../../contracts');

const File = z.record(
  z.string(),
  z.object({ value: z.number(), min: z.number(), max: z.number(), unit: z.string() }),
);

const shared = File.parse(JSON.parse(readFileSync(join(contractsDir, 'limits.json'), 'utf8')));

/**
 * Limits of contracts/limits.json as environment variables: each has the file's value as its
 * default and the file's bounds. To be spread into a configuration.
 */
export function limits<const Name extends string>(
  ...names: Name[]
): Record<Uppercase<Name>, z.ZodType<number>> {
  const fields: Record<string, z.ZodType<number>> = {};
  for (const name of names) {
    const limit = shared[name];
    if (!limit) throw new Error(`contracts/limits.json has no limit \`${name}\``);
    const message = `must be a number from ${limit.min} to ${limit.max}`;
    fields[name.toUpperCase()] = z.coerce
      .number(message)
      .min(limit.min, message)
      .max(limit.max, message)
      .default(limit.value);
  }
  return fields as Record<Uppercase<Name>, z.ZodType<number>>;
}
