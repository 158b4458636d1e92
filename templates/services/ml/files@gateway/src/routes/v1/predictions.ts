import { ownerOf } from '@app/http/callers';
import { header } from '@app/http/openapi';
import { Problem, problems, unavailable, type Fault } from '@app/http/problems';
import { traceparent } from '@app/http/trace';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import { z } from 'zod';
import { hashOf, isTerminal, type NewJob, type OwnedJob } from '../../jobs.ts';
import { parsePrefer, type Preference } from '../../prefer.ts';
import { boundRefusals } from '../../refusals.ts';
import { EXAMPLE, Job, PredictionRequest } from '../../schemas.ts';
import { checkTensors } from '../../tensors.ts';
import { ulid, ULID } from '../../ulid.ts';

const tags = ['predictions'];
const params = z.object({ id: z.string() });

/** What can be done next with the job of an answer. */
const LINKS = {
  read: { operationId: 'readPrediction', parameters: { id: '$response.body#/id' } },
  cancel: { operationId: 'cancelPrediction', parameters: { id: '$response.body#/id' } },
  follow: { operationId: 'followPrediction', parameters: { id: '$response.body#/id' } },
};

const PREFER = {
  'Preference-Applied': header('What was honoured of `Prefer`.'),
  Vary: header('`Prefer`, among others.'),
};
const UNFINISHED = { 'Retry-After': header('When to ask again, in seconds.') };
const FOUND = { Location: header('Where the job is.'), ...PREFER };

const routes: FastifyPluginAsyncZod = async (app) => {
  const { config, jobs, jobMetrics, queue } = app;
  const deadlines = { properties: { deadline_s: { maximum: config.DEADLINE_MAX_S } } };

  app.post(
    '/predictions',
    {
      // Counted by the script that accepts, in the same round trip; what it does not accept, here.
      config: {
        rateLimit: false,
        openapi: {
          requestBody: { content: { 'application/json': { schema: deadlines } } },
          responses: {
            200: { headers: { ...FOUND, 'Idempotency-Replayed': header('`true`.') } },
            201: { headers: FOUND },
            202: { headers: { ...FOUND, ...UNFINISHED } },
          },
        },
      },
      ...boundRefusals(app),
      links: { 200: LINKS, 201: LINKS, 202: LINKS },
      schema: {
        summary: 'Makes a prediction: a job, and the answer of one that is waited for.',
        tags,
        headers: z.looseObject({
          'idempotency-key': z.string().min(1).max(config.IDEMPOTENCY_KEY_MAX).optional(),
          prefer: z.string().optional(),
        }),
        body: PredictionRequest.meta({ examples: [{ model: 'digits', input: EXAMPLE }] }),
        response: { 200: Job, 201: Job, 202: Job, ...problems(408, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const deadline = body.deadline_s ?? config.DEADLINE_DEFAULT_S;
      const errors: Fault[] = [];
      if (deadline > config.DEADLINE_MAX_S) {
        errors.push({ pointer: '/deadline_s', detail: `must be at most ${config.DEADLINE_MAX_S}` });
      }
      const found = await app.models.find(body.model);
      if (found.state === 'unknown') {
        errors.push({ pointer: '/model', detail: `there is no model \`${body.model}\`` });
      } else {
        const metadata = found.state === 'known' ? found.metadata : undefined;
        errors.push(...checkTensors(body.input.inputs, metadata));
      }
      if (errors.length > 0 || found.state === 'unknown') {
        throw new Problem(422, 'invalid-body', 'This cannot be predicted.', { errors });
      }

      // Numbers may be written longer than they came: inference would refuse what is accepted here.
      const input = JSON.stringify(body.input);
      if (Buffer.byteLength(input) > config.BODY_LIMIT_BYTES) {
        const detail = `The input, written out, is larger than ${config.BODY_LIMIT_BYTES} bytes.`;
        throw new Problem(413, 'body-too-large', detail);
      }

      const key = request.headers['idempotency-key'];
      const job: NewJob = {
        id: ulid(),
        caller: request.caller,
        service: found.service.name,
        model: body.model,
        deadline_s: deadline,
        ...(key !== undefined && { idempotency_key: key, body_hash: hashOf(body) }),
        traceparent: traceparent(request.id),
        max_live: config.QUEUE_MAX_LIVE,
        quota_per_minute: config.ACCEPT_PER_MINUTE,
        ...queue.accepting(),
      };
      const accepted = await jobs.accept(job, input);
      jobMetrics.accepts.inc({ result: accepted.result });
      const prefer = preferOf(request, reply);

      switch (accepted.result) {
        case 'conflict':
          throw new Problem(
            422,
            'idempotency-key-reuse',
            'This Idempotency-Key came before, with another body.',
          );
        case 'quota':
          throw new Problem(429, 'quota-exceeded', 'These are too many predictions in a minute.', {
            headers: { 'retry-after': String(Math.ceil(accepted.retry_after_ms / 1_000)) },
          });
        case 'full':
          throw unavailable('queue-full', 'There are too many jobs already.');
        case 'replayed': {
          noteJob(request, accepted.id);
          reply.header('idempotency-replayed', 'true');
          const earlier = await waitFor(accepted.id, prefer, request, reply);
          if (!earlier) throw notFound();
          present(reply, earlier.job, prefer);
          return reply.code(200).send(earlier.job);
        }
        case 'accepted': {
          noteJob(request, job.id);
          queue.publish(job, accepted.claim);
          const done =
            prefer.wait > 0
              ? await waitFor(job.id, prefer, request, reply).catch((error: unknown) => {
                  // It is accepted, and that is what is to be said.
                  request.log.warn({ err: error }, 'could not wait');
                  return undefined;
                })
              : undefined;
          const now = done?.job ?? jobs.accepted(job, accepted);
          present(reply, now, prefer);
          return reply.code(isTerminal(now) ? 201 : 202).send(now);
        }
      }
    },
  );

  app.get(
    '/predictions/:id',
    {
      config: {
        openapi: { responses: { 200: { headers: { ...FOUND, ...UNFINISHED } } } },
      },
      schema: {
        summary: 'A prediction as it is now, or when it is done.',
        operationId: 'readPrediction',
        tags,
        params,
        headers: z.looseObject({ prefer: z.string().optional() }),
        response: { 200: Job, ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      noteJob(request, id);
      const prefer = preferOf(request, reply);
      const first = await readOwn(id, request.caller);
      const found =
        isTerminal(first.job) || prefer.wait === 0
          ? first
          : ((await waitFor(id, prefer, request, reply)) ?? first);
      present(reply, found.job, prefer);
      return reply.send(found.job);
    },
  );

  app.delete(
    '/predictions/:id',
    {
      schema: {
        summary: 'Cancels a prediction: at once if it is queued, soon if it runs.',
        operationId: 'cancelPrediction',
        tags,
        params,
        response: { 200: Job, 202: Job, ...problems(404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      noteJob(request, id);
      await readOwn(id, request.caller);
      const result = await jobs.cancel(id);
      if (result === 'missing') throw notFound();
      const { job } = await readOwn(id, request.caller);
      return reply.code(result === 'canceling' ? 202 : 200).send(job);
    },
  );

  async function readOwn(id: string, caller: string): Promise<OwnedJob> {
    const found = ULID.test(id) ? await jobs.read(id) : undefined;
    // A foreign job looks as if it were not there.
    if (!found || ownerOf(found.caller) !== ownerOf(caller)) throw notFound();
    return found;
  }

  /** Ends early when the client leaves or the gateway drains; neither cancels the job. */
  async function waitFor(
    id: string,
    prefer: Preference,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<OwnedJob | undefined> {
    const left = new AbortController();
    const onClose = (): void => left.abort();
    reply.raw.once('close', onClose);
    const observe = jobMetrics.waits.startTimer();
    try {
      const signal = AbortSignal.any([left.signal, app.draining]);
      return await jobs.wait(id, prefer.wait * 1_000, signal);
    } finally {
      observe();
      reply.raw.off('close', onClose);
      if (left.signal.aborted) request.log.info('the client left');
    }
  }

  function preferOf(request: FastifyRequest, reply: FastifyReply): Preference {
    addVary(reply, 'Prefer');
    return parsePrefer(request.headers['prefer'], config.WAIT_MAX_S);
  }
};

/** From here on, what the request logs names its job. */
function noteJob(request: FastifyRequest, id: string): void {
  (request.log as Logger).setBindings({ job_id: id });
}

/** Others may have named headers before. */
function addVary(reply: FastifyReply, name: string): void {
  const earlier = reply.getHeader('vary');
  reply.header('vary', earlier === undefined ? name : `${earlier}, ${name}`);
}

function present(reply: FastifyReply, job: z.output<typeof Job>, prefer: Preference): void {
  // Its form was checked when it was read.
  reply.type('application/json; charset=utf-8').serializer(JSON.stringify);
  reply.header('location', job.links.self);
  const applied = isTerminal(job) ? prefer.waited : prefer.async;
  if (applied !== undefined) reply.header('preference-applied', applied);
  if (!isTerminal(job)) reply.header('retry-after', '1');
}

function notFound(): Problem {
  return new Problem(404, 'not-found', 'There is no such prediction.');
}

export default routes;
