import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entityTag, ifMatch, isKnown } from '../src/conditions.ts';

test('If-Match names versions, or any', () => {
  for (const [text, expected] of [
    [entityTag(7), [7]],
    ['"1" ,"2"', [1, 2]],
    [' * ', 'any'],
    // Of somebody else, weak, too large for any version, and no tag at all: they match none.
    ['"abc", "", W/"1", "99999999999"', []],
    ['1', []],
  ] as const) {
    assert.deepEqual(ifMatch.parse(text), expected, text);
  }
});

test('If-None-Match has a version, also weakly', () => {
  for (const text of ['"3"', 'W/"3"', '"1", "3"', '*']) assert.equal(isKnown(text, 3), true, text);
  for (const text of [undefined, '', '3', '"33"', '"3']) {
    assert.equal(isKnown(text, 3), false, String(text));
  }
});
