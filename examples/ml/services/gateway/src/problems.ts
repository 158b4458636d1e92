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

/** What is wrong with a part of a document; `pointer` is a JSON pointer (RFC 6901). */
export interface Fault {
  pointer: string;
  detail: string;
}

const content = { [PROBLEM_TYPE]: { schema: ProblemDocument } };

/** Spread into a route's `response`: any route can fail. */
export const problems = {
  '4xx': { description: 'The request is wrong, or too early.', content },
  '5xx': { description: 'The request may be repeated later.', content },
};

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

/** The problem that an error is; what is not made for clients tells them nothing. */
export function asProblem(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((fault) => ({
      pointer: fault.instancePath === '/' ? '' : fault.instancePath,
      detail: fault.message ?? 'is not valid',
    }));
    return error.validationContext === 'body'
      ? new Problem(422, 'invalid-body', 'The body does not meet its schema.', { errors })
      : new Problem(400, 'bad-request', `The ${error.validationContext} is not valid.`, { errors });
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) {
    return new Problem(500, 'internal', 'Something went wrong here.', { cause: error });
  }
  return new Problem(status, SLUGS[status] ?? 'bad-request', error.message);
}

/** Answers an error by the problem that it is. */
export function answerError(
  error: FastifyError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const problem = asProblem(error);
  if (problem.status >= 500) reply.log.error({ err: problem.cause ?? problem }, problem.slug);
  void reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .send(problem.document(request.url));
}
