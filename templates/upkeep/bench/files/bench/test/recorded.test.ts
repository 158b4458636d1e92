import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { spreadOf, type Ratio } from '../figures.ts';
import { complaints, read, record } from '../recorded.ts';

function ratio(name: string, ...values: number[]): Ratio {
  return { name, label: `label of ${name}`, spread: spreadOf(values) };
}

test('what is recorded is kept until its own scenario runs again', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'recorded-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'recorded.json');
  assert.equal(read(path), undefined);
  record(path, [ratio('one', 0.9, 0.951, 1), ratio('two', 2)]);
  record(path, [ratio('two', 3)]);
  assert.deepEqual(read(path), { one: 0.95, two: 3 });
});

test('a ratio is compared by its best round, and never with nothing', () => {
  const recorded = { steady: 1, fallen: 1 };
  assert.deepEqual(complaints([ratio('steady', 0.1, 0.6)], recorded), []);
  const found = complaints([ratio('fallen', 0.1, 0.59), ratio('new', 1)], recorded);
  assert.deepEqual(
    found.map((line) => line.split(':', 2)),
    [
      ['slower', ' label of fallen'],
      ['not recorded', ' label of new'],
    ],
  );
});
