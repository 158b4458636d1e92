import plugin from 'fastify-plugin';

/**
 * Tells own services who calls: by the gateway's word, and by nothing that the caller has sent. A
 * key, a token or a session of the outside stays here.
 */
export default plugin(
  async (app) => {
    const { API_URLS, WORD_S } = app.config;
    app.addHook('preHandler', async ({ caller, headers, routeOptions, who }) => {
      const service = API_URLS.find(({ name }) => routeOptions.url?.startsWith(`/v1/${name}/`));
      if (service === undefined) return;
      const sub = who.how === 'nothing' ? who.sub : caller;
      const word = await app.word.give({ ...who, sub }, service.name, WORD_S);
      headers.authorization = `Bearer ${word}`;
    });
  },
  { dependencies: ['admission', 'identity', 'word'] },
);
