import { Problem, type Fault } from '@app/http/problems';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** How much JSON was read, in characters. */
    jsonLength: number;
  }
}

/** JSON is spoken here; everything else is an unsupported media type. */
export default plugin(async (app) => {
  app.decorateRequest('jsonLength', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, text, done) => {
      request.jsonLength = text.length;
      done(null, parseJson(text, app.config.BODY_DEPTH_MAX));
    },
  );
});

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/**
 * Parses a body. Throws a `Problem` where it is no JSON, nests deeper than `levels`, has a key
 * `__proto__`, which a copy of the object would take for its prototype, or half of a surrogate
 * pair, which is no character and has no form in UTF-8 (RFC 8259, 8.2).
 */
export function parseJson(text: string, levels: number): unknown {
  // Before it is parsed: a level costs much more than a number.
  if (isDeeperThan(levels, text)) throw invalid('', `nests deeper than ${levels} levels`);
  const document = parse(text);
  const fault = /__proto__|\\u(?:00|d[89a-f])/i.test(text) ? findFault(document, '') : undefined;
  if (fault !== undefined) throw invalid(fault.pointer, fault.detail);
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

function findFault(document: unknown, at: string): Fault | undefined {
  if (typeof document === 'string') return findHalf(document, at);
  if (typeof document !== 'object' || document === null) return undefined;
  for (const [key, value] of Object.entries(document)) {
    const pointer = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (key === '__proto__') return { pointer, detail: '`__proto__` cannot be a key' };
    const found = findHalf(key, at) ?? findFault(value, pointer);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findHalf(text: string, pointer: string): Fault | undefined {
  if (text.isWellFormed()) return undefined;
  return { pointer, detail: 'has half of a surrogate pair, which is no character' };
}

function invalid(pointer: string, detail: string): Problem {
  const errors = [{ pointer, detail }];
  return new Problem(422, 'invalid-body', 'The body cannot be read.', { errors });
}
