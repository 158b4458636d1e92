import { isUtf8 } from 'node:buffer';
import type { FastifySchemaCompiler } from 'fastify';
import plugin from 'fastify-plugin';
import { z } from 'zod';
import { parseJson, pointerTo, visitTexts } from './json.ts';
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
      done(null, absent ? undefined : parseBody(body, depthMax));
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

/**
 * Texts that cannot be passed on: PostgreSQL has no U+0000, half of a surrogate pair has no form in
 * UTF-8 (RFC 8259, 8.2), and copies of an object take a key `__proto__` for its prototype.
 */
function textFaults(data: unknown): Fault[] {
  const faults: Fault[] = [];
  visitTexts(data, (text, path, isKey) => {
    const pointer = pointerTo(isKey ? [...path, text] : path).toWellFormed();
    if (text.includes('\0')) faults.push({ pointer, detail: 'has U+0000' });
    else if (!text.isWellFormed()) faults.push({ pointer, detail: 'has half of a surrogate pair' });
    else if (isKey && text === '__proto__') {
      faults.push({ pointer, detail: '`__proto__` cannot be a key' });
    }
  });
  return faults;
}

/** Parses a body. Throws a `Problem` where it is no JSON in UTF-8 or nests deeper than `levels`. */
export function parseBody(body: Buffer, levels: number): unknown {
  if (!isUtf8(body)) throw new Problem(400, 'bad-request', 'The body is not valid JSON.');
  return parseJson(body.toString(), levels);
}
