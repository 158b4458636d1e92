import { brokenUnique, retrying } from '@app/postgres/failures';
import {
  cast,
  col,
  fn,
  literal,
  Op,
  where,
  type InferAttributes,
  type ModelStatic,
  type WhereOptions,
} from 'sequelize';
import * as port from '../store.ts';
import type { Row } from './schema.ts';

/** A time with the microseconds that a `Date` has not. */
const EXACT_TIME = literal(`to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`);

/** Items in PostgreSQL. Each statement is a transaction of its own. */
export class ItemStore implements port.Store {
  readonly #items: ModelStatic<Row>;

  constructor(items: ModelStatic<Row>) {
    this.#items = items;
  }

  async list(
    owner: string,
    { limit, after, name }: Parameters<port.Store['list']>[1],
  ): Promise<port.Page> {
    const conditions: WhereOptions[] = [{ owner }];
    if (name !== undefined) {
      // Of a text that is not cast, Sequelize doubles each `$`.
      conditions.push(where(fn('starts_with', col('name'), cast(name, 'text')), true));
    }
    if (after) {
      const place = fn('row', cast(after[0], 'timestamptz'), cast(after[1], 'uuid'));
      conditions.push(where(fn('row', col('created_at'), col('id')), Op.lt, place));
    }
    const rows = await this.#items.findAll({
      attributes: { include: [[EXACT_TIME, 'time']] },
      where: { [Op.and]: conditions },
      order: [
        ['created_at', 'DESC'],
        ['id', 'DESC'],
      ],
      // One more tells whether there is more.
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next: port.Position | undefined =
      last && rows.length > limit ? [String(last.get('time')), last.id] : undefined;
    return { items: page.map(toItem), next };
  }

  async get(owner: string, id: string): Promise<port.Item> {
    const row = await this.#items.findOne({ where: { id, owner } });
    if (!row) throw new port.NotFound();
    return toItem(row);
  }

  async create(owner: string, content: port.Content, key?: string): Promise<port.Item> {
    const request_hash = key === undefined ? null : port.hashOf(content);
    const values = { ...content, owner, idempotency_key: key ?? null, request_hash };
    try {
      return toItem(await retrying(async () => await this.#items.create(values)));
    } catch (error) {
      // Another item of this name, or the one that was made with this key.
      if (brokenUnique(error) === undefined) throw error;
    }

    const sameName = { name: content.name };
    const sameKey = { idempotency_key: key };
    const inTheWay = await this.#items.findAll({
      where: { owner, [Op.or]: key === undefined ? [sameName] : [sameName, sameKey] },
    });
    const earlier = inTheWay.find((row) => key !== undefined && row.idempotency_key === key);
    if (earlier && earlier.request_hash !== request_hash) throw new port.KeyReused();
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
    const changed = { ...content, version: literal('version + 1'), updated_at: fn('now') };
    const options = { where: own(owner, id, versions), returning: true } as const;
    try {
      const [, [row]] = await retrying(async () => await this.#items.update(changed, options));
      if (row) return toItem(row);
    } catch (error) {
      if (brokenUnique(error) === 'items_owner_name_key') throw new port.NameTaken();
      throw error;
    }
    return await this.#refuse(owner, id);
  }

  async remove(owner: string, id: string, versions: port.Versions): Promise<void> {
    const options = { where: own(owner, id, versions) };
    const count = await retrying(async () => await this.#items.destroy(options));
    if (count === 0) await this.#refuse(owner, id);
  }

  /** Says why there was nothing to change: it is not there, or not in one of the versions. */
  async #refuse(owner: string, id: string): Promise<never> {
    await this.get(owner, id);
    throw new port.VersionMoved();
  }
}

function own(
  owner: string,
  id: string,
  versions: port.Versions,
): WhereOptions<InferAttributes<Row>> {
  return { id, owner, ...(versions !== 'any' && { version: versions }) };
}

function toItem({ id, owner, name, attributes, version, created_at, updated_at }: Row): port.Item {
  const times = { created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
  return { id, owner, name, attributes, version, ...times };
}
