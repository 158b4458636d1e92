/** A place in a stream: the id of an entry, `0-0` before the first. */
export interface Position {
  id: string;
  ms: number;
  seq: number;
}

export const start: Position = { id: '0-0', ms: 0, seq: 0 };

/** Reads `<ms>-<seq>` or `<ms>`; undefined where it is no id of a stream. */
export function parsePosition(text: string): Position | undefined {
  // Fifteen digits keep both halves exact as numbers, and last for thirty thousand years.
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  if (!match) return undefined;
  const ms = Number(match[1]);
  const seq = Number(match[2] ?? 0);
  return { id: `${ms}-${seq}`, ms, seq };
}

export function isAfter(a: Position, b: Position): boolean {
  return a.ms === b.ms ? a.seq > b.seq : a.ms > b.ms;
}
