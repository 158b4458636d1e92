import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Callers, hashKey } from '../src/callers.ts';

const address = '192.0.2.7';

function keysFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'callers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keys');
  writeFileSync(path, text);
  return path;
}

test('a caller is its address where no keys are configured', () => {
  const callers = Callers.fromFile(undefined);
  assert.equal(callers.configured, false);
  assert.equal(callers.identify({ authorization: 'Bearer whatever', address }), address);
});

test('a caller is the name of its key', (t) => {
  const path = keysFile(
    t,
    `# who may call\n\nshop:${hashKey('secret')}\nshop:${hashKey('next')}\n`,
  );
  const callers = Callers.fromFile(path);
  assert.equal(callers.configured, true);
  assert.equal(callers.identify({ authorization: 'Bearer secret', address }), 'shop');
  assert.equal(callers.identify({ authorization: 'bearer next', address }), 'shop');
  assert.equal(callers.identify({ protocol: 'v1, bearer.secret', address }), 'shop');
});

test('an absent or unknown key is nobody', (t) => {
  const callers = Callers.fromFile(keysFile(t, `shop:${hashKey('secret')}\n`));
  assert.equal(callers.identify({ address }), undefined);
  assert.equal(callers.identify({ authorization: 'Bearer wrong', address }), undefined);
  assert.equal(callers.identify({ authorization: 'Basic secret', address }), undefined);
  assert.equal(callers.identify({ protocol: 'v1', address }), undefined);
});

test('a file without keys lets nobody in', (t) => {
  const callers = Callers.fromFile(keysFile(t, ''));
  assert.equal(callers.configured, true);
  assert.equal(callers.identify({ authorization: 'Bearer secret', address }), undefined);
});

test('a bad line is refused with its place', (t) => {
  const path = keysFile(t, `shop:${hashKey('secret')}\nShop:secret\n`);
  assert.throws(() => Callers.fromFile(path), {
    message: `${path}:2: expected name:sha256-in-hex`,
  });
});
