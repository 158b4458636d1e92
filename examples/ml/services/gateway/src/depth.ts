/** Whether a document nests deeper than `levels`; readers that recurse would break on it. */
export function isDeeperThan(levels: number, document: unknown): boolean {
  let layer = [document];
  for (let level = 0; level <= levels; level += 1) {
    layer = layer.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
    if (layer.length === 0) return false;
  }
  return true;
}
