import { index, integer, jsonb, pgTable, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core';
import type { Attributes } from '../store.ts';

/** As text, which has the microseconds that a `Date` has not. */
const time = { withTimezone: true, mode: 'string' } as const;

/** What the files in `migrations/` make, for queries to be typed by. */
export const items = pgTable(
  'items',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    owner: text('owner').notNull(),
    name: text('name').notNull(),
    attributes: jsonb('attributes').$type<Attributes>().notNull(),
    version: integer('version').notNull().default(1),
    idempotencyKey: text('idempotency_key'),
    requestHash: text('request_hash'),
    createdAt: timestamp('created_at', time).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', time).notNull().defaultNow(),
  },
  (table) => [
    unique('items_owner_name_key').on(table.owner, table.name),
    unique('items_owner_idempotency_key_key').on(table.owner, table.idempotencyKey),
    index('items_page').on(table.owner, table.createdAt.desc(), table.id.desc()),
  ],
);
