import { connect, Hints } from '@app/state';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import { Counter, Gauge, Histogram } from 'prom-client';
import { Jobs } from '../jobs.ts';

declare module 'fastify' {
  interface FastifyInstance {
    jobs: Jobs;
    jobMetrics: {
      accepts: Counter<'result'>;
      waits: Histogram;
    };
  }
}

export default plugin(
  async (app) => {
    const { config } = app;
    const subscriber = connect(config.REDIS_URL, `${config.SERVICE_NAME}-hints`, app.log);
    app.addHook('onClose', async () => subscriber.destroy());
    // Known once all routes are loaded; asked here once, and not for each job.
    let events = false;
    app.addHook('onReady', async () => {
      events = app.hasRoute({ method: 'GET', url: '/v1/predictions/:id/events' });
    });
    const jobs = new Jobs(
      app.state,
      new Hints(subscriber),
      {
        result_s: config.RESULT_TTL_S,
        events_s: config.EVENTS_TTL_S,
        dead_s: config.DEAD_TTL_S,
        events_maxlen: config.EVENTS_MAXLEN,
      },
      () => events,
    );
    app.decorate('jobs', jobs);
    sweepAgainAndAgain(app);

    const registers = [app.metrics];
    new Gauge({
      name: 'jobs_depth',
      help: 'Jobs that are not terminal.',
      registers,
      async collect() {
        this.set(await jobs.stats().then((stats) => stats.depth, missing));
      },
    });
    new Gauge({
      name: 'jobs_oldest_age_seconds',
      help: 'Age of the oldest job that is not terminal.',
      registers,
      async collect() {
        this.set(await jobs.stats().then((stats) => stats.oldest_age_ms / 1_000, missing));
      },
    });
    app.decorate('jobMetrics', {
      accepts: new Counter({
        name: 'jobs_accepts_total',
        help: 'Posted predictions, by what became of them.',
        labelNames: ['result'],
        registers,
      }),
      waits: new Histogram({
        name: 'jobs_wait_seconds',
        help: 'How long requests waited for a job.',
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
        registers,
      }),
    });
  },
  { name: 'jobs', dependencies: ['metrics', 'state'] },
);

/** Expires overdue jobs, also where no worker lives to do it. */
function sweepAgainAndAgain(app: FastifyInstance): void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function sweep(): Promise<void> {
    try {
      await app.jobs.sweep();
    } catch (error) {
      // The next one may do better; that the state store is lost was said by its client.
      app.log.debug({ err: error }, 'sweep failed');
    }
    if (!stopped) timer = setTimeout(sweep, app.config.RELAY_S * 1_000);
  }

  app.addHook('onReady', async () => {
    timer = setTimeout(sweep, app.config.RELAY_S * 1_000);
  });
  app.addHook('preClose', async () => {
    stopped = true;
    clearTimeout(timer);
  });
}

/** What a gauge shows while the state store cannot be asked. */
function missing(): number {
  return NaN;
}
