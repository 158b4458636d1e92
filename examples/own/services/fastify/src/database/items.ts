import { brokenUnique, retrying } from '@app/postgres/failures';
import { and, desc, eq, inArray, or, sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import * as port from '../store.ts';
import { items } from './schema.ts';

type Row = typeof items.$inferSelect;

/** The server would keep what has a name, and refuse it once a migration has changed a column. */
const UNNAMED = '';

/** Items in PostgreSQL. Each statement is a transaction of its own. */
export class ItemStore implements port.Store {
  readonly #db: NodePgDatabase;
  readonly #statements: ReturnType<typeof statements>;

  constructor(db: NodePgDatabase) {
    this.#db = db;
    this.#statements = statements(db);
  }

  async list(
    owner: string,
    { limit, after, name }: Parameters<port.Store['list']>[1],
  ): Promise<port.Page> {
    const rows = await this.#db
      .select()
      .from(items)
      .where(
        and(
          eq(items.owner, owner),
          name === undefined ? undefined : sql`starts_with(${items.name}, ${name})`,
          after &&
            sql`(${items.createdAt}, ${items.id}) < (${after[0]}::timestamptz, ${after[1]}::uuid)`,
        ),
      )
      .orderBy(desc(items.createdAt), desc(items.id))
      // One more tells whether there is more.
      .limit(limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next: port.Position | undefined =
      last && rows.length > limit ? [isoTime(last.createdAt), last.id] : undefined;
    return { items: page.map(toItem), next };
  }

  async get(owner: string, id: string): Promise<port.Item> {
    const [row] = await this.#statements.read.execute({ owner, id });
    if (!row) throw new port.NotFound();
    return toItem(row);
  }

  async create(owner: string, content: port.Content, key?: string): Promise<port.Item> {
    const requestHash = key === undefined ? null : port.hashOf(content);
    const values = { ...content, owner, idempotencyKey: key ?? null, requestHash };
    const [made] = await retrying(async () => await this.#statements.make.execute(values));
    if (made) return toItem(made);

    const withKey = key === undefined ? undefined : eq(items.idempotencyKey, key);
    const inTheWay = await this.#db
      .select()
      .from(items)
      .where(and(eq(items.owner, owner), or(eq(items.name, content.name), withKey)));
    const earlier = inTheWay.find((row) => key !== undefined && row.idempotencyKey === key);
    if (earlier && earlier.requestHash !== requestHash) throw new port.KeyReused();
    if (earlier) return toItem(earlier);
    if (inTheWay.length > 0) throw new port.NameTaken();
    // What was in the way is gone meanwhile.
    return await this.create(owner, content, key);
  }

  async replace(
    owner: string,
    id: string,
    content: port.Content,
    versions: port.Versions,
  ): Promise<port.Item> {
    const changed = { ...content, version: sql`${items.version} + 1`, updatedAt: sql`now()` };
    try {
      const [row] = await retrying(
        async () =>
          await this.#db
            .update(items)
            .set(changed)
            .where(own(owner, id, versions))
            .returning(),
      );
      if (row) return toItem(row);
    } catch (error) {
      if (brokenUnique(error) === 'items_owner_name_key') throw new port.NameTaken();
      throw error;
    }
    return await this.#refuse(owner, id);
  }

  async remove(owner: string, id: string, versions: port.Versions): Promise<void> {
    const rows = await retrying(
      async () =>
        await this.#db
          .delete(items)
          .where(own(owner, id, versions))
          .returning({ id: items.id }),
    );
    if (rows.length === 0) await this.#refuse(owner, id);
  }

  /** Says why there was nothing to change: it is not there, or not in one of the versions. */
  async #refuse(owner: string, id: string): Promise<never> {
    await this.get(owner, id);
    throw new port.VersionMoved();
  }
}

/** What is asked for most, put together once and not for each request. */
function statements(db: NodePgDatabase) {
  const { placeholder } = sql;
  const values = {
    owner: placeholder('owner'),
    name: placeholder('name'),
    attributes: placeholder('attributes'),
    idempotencyKey: placeholder('idempotencyKey'),
    requestHash: placeholder('requestHash'),
    // What a caller may say and is not here would not be kept.
  } satisfies Record<keyof port.Content, unknown> & Record<string, unknown>;
  return {
    read: db
      .select()
      .from(items)
      .where(and(eq(items.id, placeholder('id')), eq(items.owner, placeholder('owner'))))
      .prepare(UNNAMED),
    make: db.insert(items).values(values).onConflictDoNothing().returning().prepare(UNNAMED),
  };
}

function own(owner: string, id: string, versions: port.Versions = 'any') {
  const version = versions === 'any' ? undefined : inArray(items.version, versions);
  return and(eq(items.id, id), eq(items.owner, owner), version);
}

/** `2026-01-02 03:04:05.678+00` as `2026-01-02T03:04:05.678Z`. */
function isoTime(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z');
}

function toItem({ id, owner, name, attributes, version, createdAt, updatedAt }: Row): port.Item {
  const created_at = new Date(isoTime(createdAt)).toISOString();
  const updated_at = new Date(isoTime(updatedAt)).toISOString();
  return { id, owner, name, attributes, version, created_at, updated_at };
}
