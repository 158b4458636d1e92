import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { characters, parseBody, validatorCompiler } from '../src/body.ts';
import { Problem } from '../src/problems.ts';

function refusal(read: () => unknown): [number, string[]] {
  const result = attempt(read);
  assert.ok(result instanceof Problem, 'it was taken');
  return [result.status, (result.errors ?? []).map(({ pointer }) => pointer)];
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

test('refuses what is not JSON in UTF-8, or nests too deep', () => {
  const parse = (text: string | Buffer): unknown => parseBody(Buffer.from(text), 4);
  assert.deepEqual(parse('\uFEFF{"\\ud83d\\ude00":"😀"}'), { '😀': '😀' });
  for (const [text, status, pointers] of [
    ['{', 400, []],
    [Buffer.from([0x22, 0xff, 0x22]), 400, []],
    ['[[[[[]]]]]', 422, ['']],
  ] as const) {
    assert.deepEqual(
      refusal(() => parse(text)),
      [status, pointers],
    );
  }
});

const Schema = z.strictObject({
  name: characters(1, 3),
  more: z.record(z.string(), z.unknown()).optional(),
});
const context = { schema: Schema, method: 'POST', url: '/', httpPart: 'body' };

function faults(data: unknown): string[] {
  const result: unknown = validatorCompiler(context)(data);
  assert.ok(typeof result === 'object' && result !== null && 'error' in result, 'it was taken');
  return refusal(() => result.error)[1];
}

test('counts characters, and not parts of them', () => {
  assert.deepEqual(validatorCompiler(context)({ name: '😀😀😀' }), { value: { name: '😀😀😀' } });
  assert.deepEqual(faults({ name: '😀😀😀😀' }), ['/name']);
});

test('points at every fault of a body, once', () => {
  assert.deepEqual(faults(null), ['']);
  assert.deepEqual(faults({ x: 1, 'a/~': 2 }), ['/name', '/x', '/a~1~0']);
  assert.deepEqual(faults({ name: 'far too long\0' }), ['/name']);
});

test('points at texts that nobody behind could keep, wherever they are', () => {
  const more: unknown = JSON.parse('{"a":["b","\\u0000"],"c":{"\\ud800":1},"__proto__":{"d":1}}');
  assert.deepEqual(faults({ name: 'a\ud800', more }), [
    '/name',
    '/more/a/1',
    '/more/c/\ufffd',
    '/more/__proto__',
  ]);
});
