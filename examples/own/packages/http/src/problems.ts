import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457. */
export const ProblemDocument = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export type ProblemDocument = z.output<typeof ProblemDocument>;

/**
 * What is wrong with a part of a request. `pointer` is a JSON pointer (RFC 6901) into what the
 * problem's type names: the body or, as into an object of the parameters, the path, query or header.
 */
export interface Fault {
  pointer: string;
  detail: string;
}

const DESCRIPTIONS = {
  400: 'This is not well-formed HTTP or JSON.',
  401: 'A valid API key is missing.',
  404: 'There is nothing here.',
  406: 'What is asked for cannot be given.',
  408: 'The request did not arrive in time.',
  413: 'The body is too large.',
  415: 'The body has a media type that is not read here.',
  422: 'A parameter or the body does not meet its schema; `errors` says where.',
  429: 'These are too many requests; `Retry-After` says when there may be more.',
  500: 'Something went wrong here.',
  503: 'This is not possible now, and may be repeated after `Retry-After`.',
  504: 'The time was over before there was an answer.',
};

type Documented = keyof typeof DESCRIPTIONS;

/** What any route answers when it does not do what it is for. */
const ANYWHERE = [400, 401, 429, 500, 503] as const;

/** Spread into a route's `response`: the problems of every route, and its `own`. */
export const problems = problemsOf(ProblemDocument);

/** The same for routes whose problem documents say more. */
export function problemsOf(schema: z.ZodType<ProblemDocument>) {
  const content = { [PROBLEM_TYPE]: { schema } };
  return <const Own extends Documented = never>(...own: Own[]) => {
    const statuses: readonly Documented[] = [...ANYWHERE, ...own];
    return Object.fromEntries(
      statuses.map((status) => [status, { description: DESCRIPTIONS[status], content }]),
    ) as Record<Own | (typeof ANYWHERE)[number], { description: string; content: typeof content }>;
  };
}

/** An answer that says what went wrong. */
export class Problem extends Error {
  readonly status: number;
  /** The last part of the type: `/problems/<slug>`. */
  readonly slug: string;
  readonly headers: Record<string, string>;
  readonly errors: Fault[] | undefined;

  constructor(
    status: number,
    slug: string,
    detail: string,
    more: { headers?: Record<string, string>; errors?: Fault[]; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.status = status;
    this.slug = slug;
    this.headers = more.headers ?? {};
    this.errors = more.errors;
  }

  document(instance: string): ProblemDocument {
    const words = this.slug.replaceAll('-', ' ');
    return {
      type: `/problems/${this.slug}`,
      title: words.charAt(0).toUpperCase() + words.slice(1),
      status: this.status,
      detail: this.message,
      instance,
      ...(this.errors && { errors: this.errors }),
    };
  }
}

/** A problem of ours and not of the caller: try again, not all at once. */
export function unavailable(slug: string, detail: string, cause?: unknown): Problem {
  const seconds = 5 + Math.floor(Math.random() * 6);
  return new Problem(503, slug, detail, { headers: { 'retry-after': String(seconds) }, cause });
}

const SLUGS: Record<number, string> = {
  400: 'bad-request',
  401: 'unauthorized',
  404: 'not-found',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  408: 'request-timeout',
  413: 'body-too-large',
  414: 'uri-too-long',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
  431: 'headers-too-large',
};

/** The parts of a request that have a schema, in the words of Fastify and in ours. */
const PARTS = {
  params: 'path',
  querystring: 'query',
  headers: 'header',
  body: 'body',
} as const;

/** The problem that an error is; what is not made for clients tells them nothing. */
export function asProblem(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((fault) => ({
      pointer: fault.instancePath === '/' ? '' : fault.instancePath,
      detail: fault.message ?? 'is not valid',
    }));
    const part = PARTS[error.validationContext ?? 'body'];
    return new Problem(422, `invalid-${part}`, `The ${part} does not meet its schema.`, { errors });
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) {
    return new Problem(500, 'internal', 'Something went wrong here.', { cause: error });
  }
  return new Problem(status, SLUGS[status] ?? 'bad-request', error.message);
}

/** Answers an error by the problem that it is, with what else `more` makes of its document. */
export function answerError(
  error: FastifyError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
  more: (document: ProblemDocument) => object = () => ({}),
): void {
  const problem = asProblem(error);
  if (problem.status >= 500) reply.log.error({ err: problem.cause ?? problem }, problem.slug);
  const document = problem.document(request.url);
  void reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .send({ ...document, ...more(document) });
}
