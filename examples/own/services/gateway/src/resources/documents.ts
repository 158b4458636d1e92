import plugin from 'fastify-plugin';

/** What the own services say of themselves, for `/docs`. */
export default plugin(async (app) => {
  const names = [...app.config.API_URLS.keys()];
  app.decorate(
    'documents',
    names.map((name) => ({ name, url: `/v1/${name}/openapi.json` })),
  );
});
