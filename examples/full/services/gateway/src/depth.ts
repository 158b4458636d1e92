/** Whether a document nests deeper than `levels`; readers that recurse would break on it. */
export function isDeeperThan(levels: number, document: unknown): boolean {
  if (typeof document !== 'object' || document === null) return false;
  const items: unknown[] = Array.isArray(document) ? document : Object.values(document);
  return levels === 0 ? items.length > 0 : items.some((item) => isDeeperThan(levels - 1, item));
}
