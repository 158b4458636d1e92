// What an item costs without the service around it: its pool, its schemas and its statements, by hand.
// Runs in the folder of a service.
import { join } from 'node:path';
import Fastify from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import pg from 'pg';
import { z } from 'zod';

interface Row {
  [name: string]: unknown;
  created_at: Date;
  updated_at: Date;
}

const { Content, Item } = (await import(join(process.cwd(), 'src/schemas.ts'))) as {
  Content: z.ZodType<{ name: string; attributes: Record<string, unknown> }>;
  Item: z.ZodType;
};
const { POOL_SIZE = '10', DATABASE_URL = '', SERVICE_NAME, PORT } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_SIZE) });

const app = Fastify().withTypeProvider<ZodTypeProvider>();
app.setValidatorCompiler(validatorCompiler);
app.setSerializerCompiler(serializerCompiler);
app.get('/', () => ({ ready: true }));

app.post(
  `/v1/${SERVICE_NAME}/items`,
  { schema: { body: Content, response: { 201: Item } } },
  async ({ body }, reply) => {
    const { rows } = await pool.query<Row>(
      'INSERT INTO items (owner, name, attributes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING *',
      ['anonymous', body.name, body.attributes],
    );
    return reply.code(201).send(rows.map(toItem)[0]);
  },
);

app.get(
  `/v1/${SERVICE_NAME}/items/:id`,
  { schema: { params: z.object({ id: z.guid() }), response: { 200: Item } } },
  async ({ params: { id } }) => {
    const { rows } = await pool.query<Row>('SELECT * FROM items WHERE id = $1 AND owner = $2', [
      id,
      'anonymous',
    ]);
    return rows.map(toItem)[0];
  },
);

function toItem(row: Row) {
  const [created_at, updated_at] = [row.created_at.toISOString(), row.updated_at.toISOString()];
  return { ...row, created_at, updated_at };
}

await app.listen({ host: '127.0.0.1', port: Number(PORT) });
