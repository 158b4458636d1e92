import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvironment } from '@app/http/settings';
import { z } from 'zod';
import { databaseSettings } from '../src/settings.ts';

test('an address that is wrong is not printed: it may have a password', () => {
  const given = { DATABASE_URL: 'postgresql://app:hush@postgres' };
  assert.throws(() => readEnvironment(z.object(databaseSettings), given), {
    message:
      'configuration is not valid:\n  DATABASE_URL  must be an address of PostgreSQL with the name of a database',
  });
});
