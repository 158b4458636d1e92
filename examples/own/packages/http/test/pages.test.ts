import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { cursorOf, limitOf, toCursor } from '../src/pages.ts';

const cursor = cursorOf(z.tuple([z.string().max(3), z.int()]));

test('a cursor is the position that it was made of', () => {
  assert.deepEqual(cursor.parse(toCursor(['é', 1])), ['é', 1]);
});

test('what is no cursor is refused', () => {
  const given = toCursor(['é', 1]);
  const foreign = [toCursor(['long', 1]), toCursor(['é']), toCursor(null)];
  for (const text of ['', 'abc', '%', `${given}=`, `${given}\n`, given.slice(1), ...foreign]) {
    assert.equal(cursor.safeParse(text).success, false, text);
  }
});

test('a limit is a whole number in its range', () => {
  const limit = limitOf(20, 100);
  assert.deepEqual(
    [undefined, '1', '100'].map((text) => limit.parse(text)),
    [20, 1, 100],
  );
  for (const text of ['0', '101', '', ' 5', '1e1', '0x1', '5.0', '-1', ['1', '2']]) {
    assert.equal(limit.safeParse(text).success, false, String(text));
  }
});
