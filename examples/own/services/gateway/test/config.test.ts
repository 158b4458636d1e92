import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '@app/http/settings';
import { readConfig } from '../src/config.ts';
import { environment } from './environment.ts';

function problemsOf(settings: Record<string, string>): Record<string, string> {
  try {
    readConfig({ ...environment, ...settings });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return Object.fromEntries(error.problems);
  }
  return {};
}

test('has a default for all that can have one', () => {
  assert.deepEqual(problemsOf({}), {});
});

test('names every bad variable at once', () => {
  const problems = problemsOf({
    SERVICE_NAME: '',
    PORT: 'abc',
    METRICS_PORT: '70000',
    APP_ENV: 'production',
    LOG_LEVEL: 'loud',
    CORS_ORIGINS: 'https://a.example/path',
    TRUST_PROXY: '10.0.0.0/33',
    DRAIN_S: 'soon',
  });
  assert.deepEqual(Object.keys(problems).sort(), [
    'API_KEYS_FILE',
    'CORS_ORIGINS',
    'DRAIN_S',
    'LOG_LEVEL',
    'METRICS_PORT',
    'PORT',
    'SERVICE_NAME',
    'TRUST_PROXY',
  ]);
  assert.equal(problems['PORT'], 'must be a number from 1 to 65535, got `abc`');
  assert.equal(problems['SERVICE_NAME'], 'is missing (example: gateway)');
  assert.equal(problems['API_KEYS_FILE'], 'is missing: production needs it');
});

test('reads lists', () => {
  const config = readConfig({
    ...environment,
    CORS_ORIGINS: 'https://a.example, http://localhost:8080',
    TRUST_PROXY: '10.0.0.0/8,::1',
  });
  assert.deepEqual(config.CORS_ORIGINS, ['https://a.example', 'http://localhost:8080']);
  assert.deepEqual(config.TRUST_PROXY, ['10.0.0.0/8', '::1']);
});
