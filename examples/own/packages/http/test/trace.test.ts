import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceId, traceparent } from '../src/trace.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

test('goes on with the trace of its caller', () => {
  assert.equal(traceId(`00-${trace}-${span}-01`), trace);
  assert.equal(traceId(`01-${trace}-${span}-01-more`), trace);
});

test('makes a trace where there is no valid one', () => {
  const invalid = [
    undefined,
    'nonsense',
    `ff-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
  ];
  for (const header of invalid) {
    assert.match(traceId(header), /^[0-9a-f]{32}$/);
    assert.notEqual(traceId(header), trace);
  }
});

test('sends the trace along with a span of its own', () => {
  assert.match(traceparent(trace), new RegExp(`^00-${trace}-(?!${span})[0-9a-f]{16}-01$`));
});
