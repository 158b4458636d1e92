/** What every test's gateway is told. Nobody listens there: tests that need a server start one. */
export const environment = {
  SERVICE_NAME: 'gateway',
  LOG_LEVEL: 'silent',
  API_URLS: 'shop=http://127.0.0.1:1',
};
