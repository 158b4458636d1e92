import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { characters, parseJson, validatorCompiler } from '../src/body.ts';
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

const parse = (text: string | Buffer): unknown => parseJson(Buffer.from(text), 4);

test('reads JSON as it is, with what editors write before it', () => {
  for (const text of [
    '{"constructor":{"prototype":{"a":1}},"toString":null}',
    '{"deep":"[[[[[[","quote":"\\"[[[[[["}',
    '[[[[]],[]],[[],{"a":[]}]]',
    '{"\\ud83d\\ude00":"😀"}',
  ]) {
    assert.deepEqual(parse(text), JSON.parse(text), text);
  }
  assert.deepEqual(parse('\uFEFF[]'), []);
});

test('refuses what is not JSON, or not UTF-8', () => {
  for (const text of ['', '{', '{"a":NaN}', '[1,]', Buffer.from([0x22, 0xff, 0x22])]) {
    assert.deepEqual(
      refusal(() => parse(text)),
      [400, []],
    );
  }
});

test('refuses what nests too deep before it is parsed', () => {
  for (const text of ['[[[[[]]]]]', '['.repeat(1_000_000)]) {
    assert.deepEqual(
      refusal(() => parse(text)),
      [422, ['']],
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
