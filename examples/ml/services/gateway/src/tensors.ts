import type { Fault } from '@app/http/problems';
import { z } from 'zod';

/** A model's description, as the Open Inference Protocol has it; -1 stands for any size. */
export const Metadata = z.object({
  name: z.string(),
  versions: z.array(z.string()).optional(),
  inputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })),
});

export type Metadata = z.output<typeof Metadata>;

export interface Tensor {
  name: string;
  shape: number[];
  datatype: string;
  data: unknown[];
}

/**
 * What is wrong with a request's tensors: in themselves and, where the model is known, for it.
 * Pointers are into the body, at `/input/inputs`.
 */
export function checkTensors(tensors: readonly Tensor[], model?: Metadata): Fault[] {
  const faults: Fault[] = [];
  const at = '/input/inputs';
  const seen = new Set<string>();
  for (const [index, tensor] of tensors.entries()) {
    const pointer = `${at}/${index}`;
    if (seen.has(tensor.name)) {
      faults.push({ pointer: `${pointer}/name`, detail: `\`${tensor.name}\` is given twice` });
    }
    seen.add(tensor.name);
    const wanted = model?.inputs.find((input) => input.name === tensor.name);
    if (model && !wanted) {
      const names = model.inputs.map((input) => `\`${input.name}\``).join(', ');
      faults.push({ pointer: `${pointer}/name`, detail: `\`${model.name}\` takes ${names}` });
    }
    faults.push(
      ...(wanted ? checkKind(tensor, wanted, pointer) : []),
      ...checkData(tensor, `${pointer}/data`),
    );
  }
  for (const { name } of model?.inputs ?? []) {
    if (!seen.has(name)) faults.push({ pointer: at, detail: `\`${name}\` is missing` });
  }
  return faults;
}

function checkKind(tensor: Tensor, wanted: Metadata['inputs'][number], pointer: string): Fault[] {
  const faults: Fault[] = [];
  if (tensor.datatype !== wanted.datatype) {
    faults.push({ pointer: `${pointer}/datatype`, detail: `must be ${wanted.datatype}` });
  }
  const fits =
    tensor.shape.length === wanted.shape.length &&
    wanted.shape.every((size, axis) => size < 0 || size === tensor.shape[axis]);
  if (!fits) {
    const shape = wanted.shape.map((size) => (size < 0 ? 'any' : size)).join(', ');
    faults.push({ pointer: `${pointer}/shape`, detail: `must be [${shape}]` });
  }
  return faults;
}

/** Data comes flat, or nested as its shape says. The first fault is enough. */
function checkData({ shape, datatype, data }: Tensor, pointer: string): Fault[] {
  const count = shape.reduce((product, size) => product * size, 1);
  const nested = data.some(Array.isArray);
  const fault = checkLevel(data, nested ? shape : [count], pointer, ELEMENTS[datatype]);
  return fault ? [fault] : [];
}

function checkLevel(
  data: readonly unknown[],
  [size = 0, ...rest]: readonly number[],
  pointer: string,
  element: Element | undefined,
): Fault | undefined {
  if (data.length !== size)
    return { pointer, detail: `has ${data.length} items, must have ${size}` };
  for (const [index, item] of data.entries()) {
    if (rest.length > 0) {
      if (!Array.isArray(item)) return { pointer: `${pointer}/${index}`, detail: 'must be a list' };
      const fault = checkLevel(item, rest, `${pointer}/${index}`, element);
      if (fault) return fault;
    } else if (Array.isArray(item)) {
      return { pointer: `${pointer}/${index}`, detail: 'is nested more deeply than the shape' };
    } else if (element && !element.accepts(item)) {
      return { pointer: `${pointer}/${index}`, detail: `must be ${element.name}` };
    }
  }
  return undefined;
}

interface Element {
  name: string;
  accepts: (item: unknown) => boolean;
}

/** What is rounded to a finite number of the type. */
function real(name: string, round: (value: number) => number): Element {
  return {
    name,
    accepts: (item) => typeof item === 'number' && Number.isFinite(round(item)),
  };
}

function integer(min: number, max: number): Element {
  return {
    name: `an integer from ${min} to ${max}`,
    accepts: (item) => Number.isInteger(item) && Number(item) >= min && Number(item) <= max,
  };
}

/** From here on numbers of 16 bits are rounded to infinity. */
const FP16_END = 65_520;

// JSON numbers of JavaScript are exact up to 2^53 - 1: larger ones would arrive as others.
const { MAX_SAFE_INTEGER, MIN_SAFE_INTEGER } = Number;

const ELEMENTS: Record<string, Element> = {
  BOOL: { name: 'true or false', accepts: (item) => typeof item === 'boolean' },
  BYTES: { name: 'a string', accepts: (item) => typeof item === 'string' },
  FP16: real('a number that fits into 16 bits', (value) =>
    Math.abs(value) < FP16_END ? value : Infinity,
  ),
  FP32: real('a number that fits into 32 bits', Math.fround),
  FP64: real('a number', (value) => value),
  INT8: integer(-128, 127),
  INT16: integer(-32_768, 32_767),
  INT32: integer(-2_147_483_648, 2_147_483_647),
  INT64: integer(MIN_SAFE_INTEGER, MAX_SAFE_INTEGER),
  UINT8: integer(0, 255),
  UINT16: integer(0, 65_535),
  UINT32: integer(0, 4_294_967_295),
  UINT64: integer(0, MAX_SAFE_INTEGER),
};
