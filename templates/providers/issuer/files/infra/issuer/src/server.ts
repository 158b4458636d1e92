import { createServer } from 'node:http';
import { createIssuer } from './issuer.ts';

const { APP_ENV, CLIENTS = '', ISSUER_HOST = '127.0.0.1', ISSUER_URL, PORT = '3090' } = process.env;
if (APP_ENV === 'production') {
  process.stderr.write(
    'This issuer lets everybody in as anybody. In production name your own one: OIDC_ISSUER.\n',
  );
  process.exit(1);
}

const issuer = await createIssuer({
  url: ISSUER_URL ?? `http://127.0.0.1:${PORT}`,
  clients: CLIENTS.split(',').map((text) => {
    const [id = '', url = '', inside = url] = text.split('=');
    return { id, url, inside };
  }),
});
// This machine alone reaches it; in a container others do, and that is published to this machine alone.
const server = createServer(issuer.callback()).listen(Number(PORT), ISSUER_HOST, () => {
  process.stdout.write(`the issuer listens at ${issuer.issuer}\n`);
});
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
