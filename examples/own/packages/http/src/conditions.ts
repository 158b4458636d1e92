import { z } from 'zod';

// RFC 9110, 8.8.3.
const TAG = /(W\/)?"([^"]*)"/g;
const VERSION = /^[1-9]\d{0,8}$/;

/** The header `Idempotency-Key`: visible ASCII characters, which are what a header can have. */
export const idempotencyKey = z
  .string()
  .regex(/^[!-~]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
  .describe('A request that is sent again with the same key makes nothing twice.');

/** The entity tag of a version. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/** The header `If-Match` as the versions that it names, of which there may be none, or `any`. */
export const ifMatch = z
  .string()
  .transform((text): number[] | 'any' => (text.trim() === '*' ? 'any' : versions(text, false)))
  .describe('The `ETag` that the caller has read, or `*`.');

/** Whether who sends `If-None-Match` has this version already. */
export function isKnown(text: string | undefined, version: number): boolean {
  if (text === undefined) return false;
  return text.trim() === '*' || versions(text, true).includes(version);
}

/** A weak tag says that two are alike, which is enough to read one and not to change it. */
function versions(text: string, weak: boolean): number[] {
  return [...text.matchAll(TAG)]
    .filter(([, mark, tag = '']) => (weak || mark === undefined) && VERSION.test(tag))
    .map(([, , tag]) => Number(tag));
}
