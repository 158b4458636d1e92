import { Problem } from './problems.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/**
 * Parses a body. Throws a `Problem` where it is no JSON, nests deeper than `levels`, or has a key
 * `__proto__`, which a copy of the object would take for its prototype.
 */
export function parseJson(text: string, levels: number): unknown {
  // Before it is parsed: a level costs much more than a number.
  if (isDeeperThan(levels, text)) throw invalid('', `nests deeper than ${levels} levels`);
  const document = parse(text);
  const pointer = /__proto__|\\u00/.test(text) ? findProto(document, '') : undefined;
  if (pointer !== undefined) throw invalid(pointer, '`__proto__` cannot be a key');
  return document;
}

function parse(text: string): unknown {
  try {
    // What some editors write before a text is no part of it (RFC 8259, 8.1).
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new Problem(400, 'bad-request', 'The body is not valid JSON.');
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

function findProto(document: unknown, at: string): string | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  for (const [key, value] of Object.entries(document)) {
    const pointer = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const found = key === '__proto__' ? pointer : findProto(value, pointer);
    if (found !== undefined) return found;
  }
  return undefined;
}

function invalid(pointer: string, detail: string): Problem {
  const errors = [{ pointer, detail }];
  return new Problem(422, 'invalid-body', 'The body cannot be read.', { errors });
}
