import { limits } from '@app/contracts';
import { z } from 'zod';
import { Callers } from './callers.ts';

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
 * A field's `.meta({ example })` is shown where the variable is missing; what is given for one with
 * `.meta({ secret: true })`, such as an address with a password in it, is not shown.
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
    const field: unknown = schema.shape[name];
    const meta = field instanceof z.ZodType ? field.meta() : undefined;
    const value = given[name];
    if (value !== undefined) {
      return meta?.['secret'] === true ? issue.message : `${issue.message}, got \`${value}\``;
    }
    if (issue.code === 'custom') return issue.message;
    const example = meta?.['example'];
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

/** What all services are told, beside settings of their own. Each has ports that are free on a machine. */
export function serverSettings(service: string, port: number, metricsPort: number) {
  return {
    SERVICE_NAME: z.string().meta({ example: service }),
    HOST: z.string().default('127.0.0.1'),
    PORT: portNumber().default(port),
    METRICS_PORT: portNumber().default(metricsPort),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'is not a log level')
      .default('info'),
    APP_ENV: z
      .enum(['development', 'production'], 'must be development or production')
      .default('development'),
    API_KEYS_FILE: z
      .string()
      .superRefine((path, context) => {
        try {
          Callers.fromFile(path);
        } catch (error) {
          // With the line that is wrong, or why the file cannot be read.
          const reason = error instanceof Error ? error.message : String(error);
          context.addIssue({ code: 'custom', message: `cannot be used: ${reason}` });
        }
      })
      .optional(),
    ...limits('body_depth_max', 'drain_s', 'request_timeout_s'),
  };
}

export type ServerConfig = z.output<z.ZodObject<ReturnType<typeof serverSettings>>>;

/** Outside development nobody calls without a key. */
export const keysInProduction = z.refine<{ APP_ENV?: unknown; API_KEYS_FILE?: unknown }>(
  (given) => given.APP_ENV !== 'production' || Boolean(given.API_KEYS_FILE),
  {
    path: ['API_KEYS_FILE'],
    message: 'is missing: production needs it',
    // Also where another variable is wrong: all of them are to be named at once.
    when: () => true,
  },
);

/** Origins of pages, with commas between them. */
export function origins() {
  return list(isOrigin, 'must be origins with commas between them');
}

/** Texts with commas between them; none where there is no text. */
export function list(isItem: (text: string) => boolean, message: string) {
  return z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((item) => item.trim() || []))
    .refine((items) => items.every(isItem), message);
}

function portNumber() {
  const message = 'must be a number from 1 to 65535';
  return z.coerce.number(message).int(message).min(1, message).max(65_535, message);
}

function isOrigin(text: string): boolean {
  return URL.parse(text)?.origin === text;
}
