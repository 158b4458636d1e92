import { characters } from '@app/http/body';
import { cursorOf, limitOf } from '@app/http/pages';
import { z } from 'zod';
import type { Config } from './config.ts';
import type { Position } from './store.ts';

const example = { name: 'Blue chair', attributes: { colour: 'blue', legs: 4, used: false } };

const id = '6f1ed002-ab59-4f1b-9c4d-6a4a5a1b7f3e';
const times = { created_at: '2026-01-02T03:04:05.678Z', updated_at: '2026-01-02T03:04:05.678Z' };

const value = z.union(
  [characters(0, 1_000), z.number(), z.boolean()],
  'must be a text of at most 1,000 characters, a number or a boolean',
);

/** What callers send. A field more is a line here, in `store.ts`, in the table and in a migration. */
export const Content = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^(?=\s*\S)[^\p{Cc}]{1,200}$/u,
        'must be 1 to 200 characters, none of them a control character, and not only spaces',
      ),
    attributes: z
      .record(characters(1, 100), value)
      .refine((given) => Object.keys(given).length <= 50, 'must be at most 50')
      .default({}),
  })
  .meta({ id: 'Content', examples: [example] });

export const Item = z
  .object({
    id: z.guid(),
    owner: z.string(),
    name: z.string(),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    version: z.int().min(1),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Item', examples: [{ id, owner: 'anonymous', ...example, version: 1, ...times }] });

export const Page = z.object({ items: z.array(Item), next: z.string().nullable() });

const Place: z.ZodType<Position> = z.tuple([
  // The database has no year 0, and no more than microseconds.
  z.iso
    .datetime()
    .max(27)
    .refine((time) => time > '1'),
  z.guid(),
]);

/** Which items of the list, within the limits of the service. */
export function pageQuery({ PAGE_SIZE, PAGE_MAX }: Config) {
  return z.object({
    limit: limitOf(PAGE_SIZE, PAGE_MAX),
    cursor: cursorOf(Place).optional(),
    name: z.string().optional().describe('What the names of the items begin with.'),
  });
}
