import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '@app/contracts';
import { z } from 'zod';
import { ConfigurationError, readEnvironment } from '../src/settings.ts';

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

test('a limit that the contract does not have is a mistake of the code', () => {
  assert.throws(() => limits('no_such_limit'), /no limit `no_such_limit`/);
});
