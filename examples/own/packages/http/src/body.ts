import type { FastifySchemaCompiler } from 'fastify';
import plugin from 'fastify-plugin';
import { z } from 'zod';
import { Problem, type Fault } from './problems.ts';

/** JSON is spoken here; everything else is an unsupported media type. */
export const jsonBodies = plugin<{ depthMax: number }>(async (app, { depthMax }) => {
  app.setValidatorCompiler(validatorCompiler);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Clients name the type of a body that they do not send.
      const absent = body.length === 0 && !request.routeOptions.schema?.body;
      done(null, absent ? undefined : parseJson(body, depthMax));
    },
  );
  app.addHook('preValidation', (request, _reply, done) => {
    // Without a body and its type there is nothing that a parser would be asked for.
    if (request.routeOptions.schema?.body && request.headers['content-type'] === undefined) {
      throw new Problem(415, 'unsupported-media-type', 'Send a body of type application/json.');
    }
    done();
  });
});

/** A text of so many characters; `length` counts a part of some twice. */
export function characters(least: number, most: number) {
  const many = `must be ${least} to ${most} characters`;
  return z.string(many).regex(new RegExp(`^[\\s\\S]{${least},${most}}$`, 'u'), many);
}

const PARTS: Record<string, string> = {
  body: 'body',
  headers: 'header',
  params: 'path',
  querystring: 'query',
};

/** Holds a part of a request to its schema and its texts to what can be stored; tells every fault. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = PARTS[httpPart ?? 'body'] ?? 'body';
  return (data) => {
    const result = schema.safeParse(data);
    const faults = result.success ? [] : result.error.issues.flatMap(faultsOf);
    const told = new Set(faults.map(({ pointer }) => pointer));
    faults.push(...textFaults(data).filter(({ pointer }) => !told.has(pointer)));
    if (result.success && faults.length === 0) return { value: result.data };
    const detail = `The ${part} does not meet its schema.`;
    return { error: new Problem(422, `invalid-${part}`, detail, { errors: faults }) };
  };
};

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: 'is unknown' }));
  }
  const detail = issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message;
  return [{ pointer: pointerTo(path), detail: detail ?? issue.message }];
}

function pointerTo(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * Texts that cannot be passed on: PostgreSQL has no U+0000, half of a surrogate pair has no form in
 * UTF-8 (RFC 8259, 8.2), and copies of an object take a key `__proto__` for its prototype.
 */
function textFaults(data: unknown): Fault[] {
  const faults: Fault[] = [];
  visit(data, []);
  return faults;

  function visit(value: unknown, path: readonly string[]): void {
    if (typeof value === 'string') check(value, path);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      check(key, [...path, key]);
      visit(member, [...path, key]);
    }
  }

  function check(text: string, path: readonly string[]): void {
    const pointer = pointerTo(path).toWellFormed();
    if (text.includes('\0')) faults.push({ pointer, detail: 'has U+0000' });
    else if (!text.isWellFormed()) faults.push({ pointer, detail: 'has half of a surrogate pair' });
    else if (text === '__proto__' && path.at(-1) === text) {
      faults.push({ pointer, detail: '`__proto__` cannot be a key' });
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];

/** Parses a body. Throws a `Problem` where it is no JSON in UTF-8 or nests deeper than `levels`. */
export function parseJson(body: Buffer, levels: number): unknown {
  // Before it is parsed: a level costs much more than a number.
  if (isDeeperThan(levels, body)) {
    const errors = [{ pointer: '', detail: `nests deeper than ${levels} levels` }];
    throw new Problem(422, 'invalid-body', 'The body cannot be read.', { errors });
  }
  try {
    // What some editors write before a text is no part of it (RFC 8259, 8.1): it is left out here.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Problem(400, 'bad-request', 'The body is not valid JSON.');
  }
}

function isDeeperThan(levels: number, body: Buffer): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < body.length; index += 1) {
    const character = body[index];
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
