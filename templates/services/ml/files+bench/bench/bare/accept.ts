// What accepting a job costs without a gateway: the same script of Redis, called by hand.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { createClient } from '@redis/client';

const contracts = new URL('../../contracts/', import.meta.url);
const script = ['lib', 'accept']
  .map((name) => readFileSync(new URL(`lua/${name}.lua`, contracts), 'utf8'))
  .join('\n');
const redis = createClient({ url: process.env['REDIS_URL'] ?? '' });
redis.on('error', (error) => console.error(error));
await redis.connect();
const sha = await redis.scriptLoad(script);

const app = Fastify();
app.get('/', () => ({ ready: true }));

app.post<{ Body: { model: string; input: unknown } }>('/v1/predictions', async (request, reply) => {
  const id = randomBytes(16).toString('hex');
  const args = {
    id,
    caller: request.ip,
    service: process.env['SERVICE'],
    model: request.body.model,
    deadline_s: 300,
    traceparent: `00-${id}-${id.slice(16)}-01`,
    max_live: 1_000_000,
    quota_per_minute: 10_000_000,
    stream: true,
    limits: { result_s: 86_400, events_s: 3_600, dead_s: 604_800, events_maxlen: 1_000 },
  };
  await redis.evalSha(sha, {
    arguments: [JSON.stringify(args), JSON.stringify(request.body.input)],
  });
  return reply.code(202).send({ id, status: 'queued' });
});

app.get<{ Params: { id: string } }>('/v1/predictions/:id', async (request) => {
  const { id } = request.params;
  const [status, model, created_at, output] = await redis.hmGet(`job:${id}`, [
    'status',
    'model',
    'created_at',
    'output',
  ]);
  return { id, status, model, created_at, output };
});

await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
