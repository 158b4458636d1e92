import { EntitySchema } from 'typeorm';
import type { Attributes } from '../store.ts';

/** A row, with the names of its columns. */
export interface Row {
  id: string;
  owner: string;
  name: string;
  attributes: Attributes;
  version: number;
  idempotency_key: string | null;
  request_hash: string | null;
  created_at: Date;
  updated_at: Date;
}

/** What the files in `migrations/` make. It is no class with decorators, which Node does not run. */
export const Items = new EntitySchema<Row>({
  name: 'items',
  columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' },
    owner: { type: 'text' },
    name: { type: 'text' },
    attributes: { type: 'jsonb' },
    version: { type: 'integer', version: true },
    idempotency_key: { type: 'text', nullable: true },
    request_hash: { type: 'text', nullable: true },
    created_at: { type: 'timestamptz', createDate: true },
    updated_at: { type: 'timestamptz', updateDate: true },
  },
  uniques: [
    { name: 'items_owner_name_key', columns: ['owner', 'name'] },
    { name: 'items_owner_idempotency_key_key', columns: ['owner', 'idempotency_key'] },
  ],
});
