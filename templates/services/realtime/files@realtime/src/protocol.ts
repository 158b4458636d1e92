import { z } from 'zod';

const ref = z.union([z.string().max(64), z.number()]).optional();
const topic = z.string().max(256);
// It comes out of a JSON parser, so that its depth alone is still to be looked at.
const data = z.unknown().refine((value) => value !== undefined, 'is missing');

const request = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('subscribe'), ref, topic, after: z.string().optional() }),
  z.strictObject({ op: z.literal('unsubscribe'), ref, topic }),
  z.strictObject({ op: z.literal('publish'), ref, topic, data }),
]);

/** What a client asks for; every answer carries its `ref`. */
export type Request = z.infer<typeof request>;
export type Ref = Request['ref'];

/** Why a request was refused; becomes an `error` message. */
export class Refusal extends Error {
  readonly code: string;
  readonly title: string;

  constructor(code: string, title: string, detail: string) {
    super(detail);
    this.code = code;
    this.title = title;
  }
}

/**
 * @param maxDepth how deep data may nest: those who read events may recurse
 * @returns what could be read of the message: its `ref` even where the rest is refused
 */
export function parseRequest(
  text: string,
  maxDepth: number,
): { ref: Ref; request: Request | Refusal } {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { ref: undefined, request: invalid('The message is not JSON.') };
  }
  const named = z.object({ ref }).safeParse(message);
  return { ref: named.data?.ref, request: checked(request.safeParse(message), maxDepth) };
}

function checked(parsed: z.ZodSafeParseResult<Request>, maxDepth: number): Request | Refusal {
  if (!parsed.success) return invalid(reasons(parsed.error));
  if (parsed.data.op === 'publish' && isDeeperThan(maxDepth, parsed.data.data)) {
    return invalid(`data: nests deeper than ${maxDepth} levels`);
  }
  return parsed.data;
}

export function invalid(detail: string): Refusal {
  return new Refusal('invalid-message', 'The message is not valid', detail);
}

function isDeeperThan(levels: number, document: unknown): boolean {
  if (typeof document !== 'object' || document === null) return false;
  return levels === 0 || Object.values(document).some((item) => isDeeperThan(levels - 1, item));
}

function reasons(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join('.') || 'message'}: ${message}`)
    .join('; ');
}
