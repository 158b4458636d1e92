import plugin from 'fastify-plugin';

/** What the own services say of themselves, for `/docs`. */
export default plugin(async (app) => {
  const documents = app.config.API_URLS.map(({ name }) => ({
    name,
    url: `/v1/${name}/openapi.json`,
  }));
  app.decorate('documents', documents);
});
