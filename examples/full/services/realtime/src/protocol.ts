import { z } from 'zod';

const ref = z.union([z.string().max(64), z.number()]).optional();
const topic = z.string().max(256);

const request = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('subscribe'), ref, topic, after: z.string().optional() }),
  z.strictObject({ op: z.literal('unsubscribe'), ref, topic }),
  z.strictObject({ op: z.literal('publish'), ref, topic, data: z.json() }),
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

/** @returns what could be read of the message: its `ref` even where the rest is refused */
export function parseRequest(text: string): { ref: Ref; request: Request | Refusal } {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { ref: undefined, request: invalid('The message is not JSON.') };
  }
  const named = z.object({ ref }).safeParse(message);
  const parsed = request.safeParse(message);
  return {
    ref: named.data?.ref,
    request: parsed.success ? parsed.data : invalid(reasons(parsed.error)),
  };
}

export function invalid(detail: string): Refusal {
  return new Refusal('invalid-message', 'The message is not valid', detail);
}

function reasons(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join('.') || 'message'}: ${message}`)
    .join('; ');
}
