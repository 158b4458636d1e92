import { z } from 'zod';

/** Says every variable that is wrong, so that a boot is tried once and not once per variable. */
export class ConfigurationError extends Error {
  readonly problems: ReadonlyMap<string, string>;

  constructor(problems: ReadonlyMap<string, string>) {
    const width = Math.max(...[...problems.keys()].map((name) => name.length));
    const lines = [...problems].map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
    super(['configuration is not valid:', ...lines].join('\n'));
    this.problems = problems;
  }
}

/**
 * The environment as `schema` wants it; variables that are empty count as missing.
 * A field's `.meta({ example })` is shown where the variable is missing.
 */
export function readEnvironment<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: NodeJS.ProcessEnv,
): z.output<z.ZodObject<Shape>> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data;

  const problems = new Map<string, string>();
  for (const issue of result.error.issues) {
    const name = String(issue.path[0] ?? '');
    if (!problems.has(name)) problems.set(name, describe(name, issue));
  }
  throw new ConfigurationError(problems);

  function describe(name: string, issue: z.core.$ZodIssue): string {
    const value = given[name];
    if (value !== undefined) return `${issue.message}, got \`${value}\``;
    if (issue.code === 'custom') return issue.message;
    const field: unknown = schema.shape[name];
    const example = field instanceof z.ZodType ? field.meta()?.['example'] : undefined;
    return example === undefined ? 'is missing' : `is missing (example: ${String(example)})`;
  }
}

/** Runs what reads the configuration of a process; prints what is wrong with it and exits. */
export function orExit<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(1);
  }
}
