import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@app/http/problems';
import { parseStrictJson } from '../src/plugins/json.ts';

function refusal(text: string): [number, string | undefined] {
  try {
    parseStrictJson(text, 4);
  } catch (error) {
    assert.ok(error instanceof Problem);
    return [error.status, error.errors?.[0]?.pointer];
  }
  throw new Error(`${text} was read`);
}

test('reads JSON as it is, whatever its keys', () => {
  for (const text of [
    '{"constructor":{"prototype":{"a":1}},"toString":null}',
    '"a\\u0000b"',
    '{"\\ud83d\\ude00":"\\uD83D\\uDE00","escaped":"\\\\ud800"}',
  ]) {
    assert.deepEqual(parseStrictJson(text, 4), JSON.parse(text), text);
  }
});

test('refuses what is not JSON, or nests too deep', () => {
  assert.deepEqual(refusal('{"a":NaN}'), [400, undefined]);
  assert.deepEqual(refusal('[[[[["\\ud800"]]]]]'), [422, '']);
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
