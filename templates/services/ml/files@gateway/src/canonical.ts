import { createHash } from 'node:crypto';

/** A hash that is the same for documents that differ only in the order of keys, or in space. */
export function hashOf(document: unknown): string {
  return createHash('sha256').update(JSON.stringify(document, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // No key of a number's form would keep its place, but it has the same one every time.
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
