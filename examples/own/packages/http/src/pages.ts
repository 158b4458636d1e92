import { z } from 'zod';

/** A position in a list as an opaque text. */
export function toCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** What `toCursor` has made of a position that `schema` knows. */
export function cursorOf<Position>(schema: z.ZodType<Position>) {
  return z.string().transform((text, context): Position => {
    const result = schema.safeParse(decode(text));
    if (result.success && toCursor(result.data) === text) return result.data;
    context.addIssue({ code: 'custom', message: 'is not a cursor that was given out here' });
    return z.NEVER;
  });
}

/** How many entries of a list are asked for: digits, as the text of a query has them. */
export function limitOf(size: number, most: number) {
  const range = `must be a whole number from 1 to ${most}`;
  const digits = (given: unknown): unknown => (/^\d+$/.test(String(given)) ? Number(given) : given);
  return z.preprocess(digits, z.int(range).min(1, range).max(most, range)).default(size);
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
