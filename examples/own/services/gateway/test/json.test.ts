import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@app/http/problems';
import { parseJson } from '../src/plugins/json.ts';

function refusal(text: string): [number, string | undefined] {
  try {
    parseJson(text, 4);
  } catch (error) {
    assert.ok(error instanceof Problem);
    return [error.status, error.errors?.[0]?.pointer];
  }
  throw new Error(`${text} was read`);
}

test('reads JSON as it is, whatever its keys', () => {
  for (const text of [
    '{"constructor":{"prototype":{"a":1}},"toString":null}',
    '{"deep":"[[[[[[","quote":"\\"[[[[[["}',
    '[[[[]],[]],[[],{"a":[]}]]',
    '"a\\u0000b"',
    '{"\\ud83d\\ude00":"\\uD83D\\uDE00","escaped":"\\\\ud800"}',
    ' 1 ',
  ]) {
    assert.deepEqual(parseJson(text, 4), JSON.parse(text), text);
  }
  assert.deepEqual(parseJson('\uFEFF[]', 4), []);
});

test('refuses what is not JSON', () => {
  for (const text of ['', '{', '{"a":NaN}', '[1,]', '"a', "{'a':1}"]) {
    assert.deepEqual(refusal(text), [400, undefined], text);
  }
});

test('refuses what nests too deep before it is parsed', () => {
  assert.deepEqual(refusal('[[[[[]]]]]'), [422, '']);
  assert.deepEqual(refusal('{"a":{"a":{"a":{"a":{}}}}}'), [422, '']);
  // No JSON at all, and known to be too deep after a few characters.
  assert.deepEqual(refusal('['.repeat(1_000_000)), [422, '']);
});

test('refuses a key that copies would take for a prototype, and points at it', () => {
  assert.deepEqual(refusal('{"__proto__":1}'), [422, '/__proto__']);
  assert.deepEqual(refusal('[{"a/b":{"_\\u005fproto_\\u005F":{}}}]'), [422, '/0/a~1b/__proto__']);
});

test('refuses half of a character, which nobody behind could read, and points at it', () => {
  assert.deepEqual(refusal('"\\ud800"'), [422, '']);
  assert.deepEqual(refusal('{"a":["b","\\uDC00\\ud83d"]}'), [422, '/a/1']);
  assert.deepEqual(refusal('{"a":{"\\udfff":1}}'), [422, '/a']);
});
