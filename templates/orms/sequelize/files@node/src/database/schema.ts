import {
  DataTypes,
  literal,
  type CreationOptional,
  type DataType,
  type InferAttributes,
  type InferCreationAttributes,
  type Model,
  type ModelAttributeColumnOptions,
  type ModelStatic,
  type Sequelize,
} from 'sequelize';
import type { Attributes } from '../store.ts';

/** A row, with the names of its columns. */
export interface Row extends Model<InferAttributes<Row>, InferCreationAttributes<Row>> {
  id: CreationOptional<string>;
  owner: string;
  name: string;
  attributes: Attributes;
  version: CreationOptional<number>;
  idempotency_key: string | null;
  request_hash: string | null;
  created_at: CreationOptional<Date>;
  updated_at: CreationOptional<Date>;
}

/** What the files in `migrations/` make. */
export function defineItems(sequelize: Sequelize): ModelStatic<Row> {
  return sequelize.define<Row>(
    'items',
    {
      id: { ...notNull(DataTypes.UUID, literal('gen_random_uuid()')), primaryKey: true },
      owner: notNull(DataTypes.TEXT),
      name: notNull(DataTypes.TEXT),
      attributes: notNull(DataTypes.JSONB),
      version: notNull(DataTypes.INTEGER, 1),
      idempotency_key: DataTypes.TEXT,
      request_hash: DataTypes.TEXT,
      created_at: notNull(DataTypes.DATE, literal('now()')),
      updated_at: notNull(DataTypes.DATE, literal('now()')),
    },
    { timestamps: false },
  );
}

/** A column of its own each time: Sequelize writes the name into it. */
function notNull(type: DataType, defaultValue?: unknown): ModelAttributeColumnOptions<Row> {
  return { type, allowNull: false, defaultValue };
}
