import { Problem } from './problems.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/** Parses a body. Throws a `Problem` where it is no JSON or nests deeper than `levels`. */
export function parseJson(text: string, levels: number): unknown {
  // Before it is parsed: a level costs much more than a number.
  if (isDeeperThan(levels, text)) throw unreadable([], `nests deeper than ${levels} levels`);
  try {
    // What some editors write before a text is no part of it (RFC 8259, 8.1).
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new Problem(400, 'bad-request', 'The body is not valid JSON.');
  }
}

/** The problem of a body that is JSON and cannot be read all the same, for what is at `path`. */
export function unreadable(path: readonly string[], detail: string): Problem {
  const errors = [{ pointer: pointerTo(path), detail }];
  return new Problem(422, 'invalid-body', 'The body cannot be read.', { errors });
}

/** A JSON pointer (RFC 6901). */
export function pointerTo(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Calls `visit` with each text of a document, in its order, and with where it is: a key, in its object. */
export function visitTexts(
  document: unknown,
  visit: (text: string, path: readonly string[], isKey: boolean) => void,
  path: readonly string[] = [],
): void {
  if (typeof document === 'string') visit(document, path, false);
  if (typeof document !== 'object' || document === null) return;
  for (const [key, value] of Object.entries(document)) {
    visit(key, path, true);
    visitTexts(value, visit, [...path, key]);
  }
}

function isDeeperThan(levels: number, text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    if (quoted) {
      if (character === BACKSLASH) index += 1;
      else if (character === QUOTE) quoted = false;
    } else if (character === QUOTE) {
      quoted = true;
    } else if (character === OPEN_LIST || character === OPEN_OBJECT) {
      depth += 1;
      if (depth > levels) return true;
    } else if (character === CLOSE_LIST || character === CLOSE_OBJECT) {
      depth -= 1;
    }
  }
  return false;
}
