import plugin from 'fastify-plugin';

/** Expires overdue jobs, also where no worker lives to do it. */
export default plugin(async (app) => {
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
});
