import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson, pointerTo, visitTexts } from '../src/json.ts';
import { Problem } from '../src/problems.ts';

function refusal(text: string): [number, string | undefined] {
  try {
    parseJson(text, 4);
  } catch (error) {
    assert.ok(error instanceof Problem);
    return [error.status, error.errors?.[0]?.pointer];
  }
  throw new Error(`${text} was read`);
}

test('reads JSON as it is, with what editors write before it', () => {
  for (const text of [
    '{"constructor":{"prototype":{"a":1}},"toString":null}',
    '{"deep":"[[[[[[","quote":"\\"[[[[[["}',
    '[[[[]],[]],[[],{"a":[]}]]',
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

test('visits every text of a document, keys as well, with where it is', () => {
  const seen: string[] = [];
  visitTexts({ 'a/~': ['b', 1], c: { d: null } }, (text, path, isKey) => {
    seen.push(`${isKey ? 'key' : 'value'} ${text} in "${pointerTo(path)}"`);
  });
  assert.deepEqual(seen, [
    'key a/~ in ""',
    'key 0 in "/a~1~0"',
    'value b in "/a~1~0/0"',
    'key 1 in "/a~1~0"',
    'key c in ""',
    'key d in "/c"',
  ]);
});
