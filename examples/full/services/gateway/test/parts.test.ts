import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf } from '../src/jobs.ts';
import { parsePrefer } from '../src/prefer.ts';
import { checkTensors, type Metadata, type Tensor } from '../src/tensors.ts';
import { ulid, ULID } from '../src/ulid.ts';

test('ids have the form of a ULID and sort by time', () => {
  const ids = [ulid(0), ulid(1_469_918_176_385), ulid(1_469_918_176_386), ulid()];
  for (const id of ids) assert.match(id, ULID);
  assert.deepEqual([...ids].sort(), ids);
  // From the specification's example.
  assert.equal(ids[1]?.slice(0, 10), '01ARYZ6S41');
});

test('documents that differ in order and space only have the same hash', () => {
  const one = JSON.parse('{"a":[1,{"c":null,"b":"x"}],"d":2}');
  const other = JSON.parse('{ "d": 2.0, "a": [1, {"b": "x", "c": null}] }');
  assert.equal(hashOf(one), hashOf(other));
  assert.notEqual(hashOf(one), hashOf({ ...one, d: 3 }));
  assert.notEqual(hashOf([1, 2]), hashOf([2, 1]));
});

test('preferences are read as RFC 7240 has them', () => {
  const waits = {
    'wait=10': 10,
    'respond-async, wait=10': 10,
    'respond-async; x=y, WAIT = "10"; z': 10,
    'wait=10, wait=20': 10,
    'wait=99': 30,
    'wait=99999999999': 0,
    'wait=0': 0,
    'wait=-1': 0,
    'wait=1.5': 0,
    wait: 0,
    'respond-async': 0,
    '': 0,
  };
  for (const [header, wait] of Object.entries(waits)) {
    assert.equal(parsePrefer(header, 30).wait, wait, header);
  }
  assert.deepEqual(parsePrefer(undefined, 30), { wait: 0 });
  assert.deepEqual(parsePrefer('wait=99, respond-async', 30), {
    wait: 30,
    waited: 'wait=30',
    async: 'respond-async',
  });
});

const model: Metadata = {
  name: 'digits',
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 2] }],
};
const image: Tensor = { name: 'image', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 4] };

test('tensors that fit are taken flat and nested', () => {
  assert.deepEqual(checkTensors([image], model), []);
  assert.deepEqual(
    checkTensors(
      [
        {
          ...image,
          data: [
            [1, 2.5],
            [3, -4],
          ],
        },
      ],
      model,
    ),
    [],
  );
  assert.deepEqual(checkTensors([{ name: 's', shape: [1], datatype: 'BYTES', data: ['a'] }]), []);
});

test('faults of tensors are pointed at', () => {
  const at = '/input/inputs/0';
  const cases: [Partial<Tensor>, string][] = [
    [{ name: 'sound' }, `${at}/name`],
    [{ datatype: 'FP64' }, `${at}/datatype`],
    [{ shape: [4] }, `${at}/shape`],
    [{ shape: [1, 4] }, `${at}/shape`],
    [{ data: [1, 2, 3] }, `${at}/data`],
    [{ data: [1, 2, 3, '4'] }, `${at}/data/3`],
    [{ data: [1, 2, 3, Infinity] }, `${at}/data/3`],
    [{ data: [[1, 2], [3]] }, `${at}/data/1`],
    [{ data: [[1, 2], 3] }, `${at}/data/1`],
    [
      {
        data: [
          [1, 2],
          [3, [4]],
        ],
      },
      `${at}/data/1/1`,
    ],
  ];
  for (const [change, pointer] of cases) {
    const [fault] = checkTensors([{ ...image, ...change }], model);
    assert.equal(fault?.pointer, pointer, JSON.stringify(change));
  }
  assert.deepEqual(checkTensors([image, image], model), [
    { pointer: '/input/inputs/1/name', detail: '`image` is given twice' },
  ]);
});

test('a missing tensor is named', () => {
  const faults = checkTensors([], model);
  assert.deepEqual(faults, [{ pointer: '/input/inputs', detail: '`image` is missing' }]);
});

test('numbers are held to the bounds of their type, and integers to those of exact numbers', () => {
  const take = (datatype: string, value: unknown) =>
    checkTensors([{ name: 'n', shape: [1], datatype, data: [value] }]).length === 0;
  assert.ok(take('INT8', -128) && !take('INT8', 128) && !take('UINT8', -1) && !take('INT32', 0.5));
  assert.ok(take('INT64', 2 ** 53 - 1) && !take('INT64', 2 ** 53));
  assert.ok(take('BOOL', true) && !take('BOOL', 1));
  // Rounded to the type, as inference does it.
  assert.ok(take('FP16', 65_519) && !take('FP16', 65_520) && !take('FP16', -1e5));
  assert.ok(take('FP32', 3.4e38) && !take('FP32', 1e300) && take('FP64', 1e300));
});
