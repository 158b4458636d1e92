import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { limits } from '@app/contracts';
import { z } from 'zod';
import { ConfigurationError, readEnvironment, serverSettings } from '../src/settings.ts';
import { keysFile } from '../testing/index.ts';

const schema = z.object({
  PORT: z.coerce.number('must be a number').default(3000),
  STORE_URL: z.string().meta({ example: 'store://localhost:1' }),
  ...limits('drain_s', 'body_limit_bytes'),
});

test('takes defaults of limits from the contract', () => {
  const config = readEnvironment(schema, { STORE_URL: 'store://x', PORT: '' });
  assert.equal(config.PORT, 3000);
  assert.equal(config.BODY_LIMIT_BYTES, 1_048_576);
});

test('an environment variable overrides a limit', () => {
  assert.equal(readEnvironment(schema, { STORE_URL: 'store://x', DRAIN_S: '3' }).DRAIN_S, 3);
});

test('names every bad variable, with what was given and an example', () => {
  const read = () => readEnvironment(schema, { PORT: 'abc', DRAIN_S: '-1' });
  assert.throws(read, (error: unknown) => {
    assert.ok(error instanceof ConfigurationError);
    assert.match(
      error.message,
      /^configuration is not valid:\n {2}PORT {7}must be a number, got `abc`\n {2}STORE_URL {2}is missing \(example: store:\/\/localhost:1\)\n {2}DRAIN_S {4}must be a number from \d+ to \d+, got `-1`$/,
    );
    return true;
  });
});

test('says that a secret is wrong, and not what was given', () => {
  const address = z.url('must be an address').meta({ example: 'store://localhost', secret: true });
  const settings = z.object({ STORE_URL: address });
  assert.throws(() => readEnvironment(settings, { STORE_URL: 'store//:hush@x' }), {
    message: 'configuration is not valid:\n  STORE_URL  must be an address',
  });
  assert.throws(() => readEnvironment(settings, {}), /is missing \(example: store:\/\/localhost\)/);
});

test('a file of API keys is refused with the line that is wrong', (t) => {
  const path = keysFile(t, { ci: 'secret' });
  const given = { SERVICE_NAME: 'service', API_KEYS_FILE: path };
  const settings = z.object(serverSettings('service', 1, 2));
  assert.equal(readEnvironment(settings, given).API_KEYS_FILE, path);
  appendFileSync(path, 'no key\n');
  const reason = { message: new RegExp(`API_KEYS_FILE {2}cannot be used: ${path}:2: expected`) };
  assert.throws(() => readEnvironment(settings, given), reason);
});

test('a limit that the contract does not have is a mistake of the code', () => {
  assert.throws(() => limits('no_such_limit'), /no limit `no_such_limit`/);
});
