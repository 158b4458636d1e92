import { existsSync } from 'node:fs';
import { join } from 'node:path';
import files from '@fastify/static';
import plugin from 'fastify-plugin';

const project = join(import.meta.dirname, '../../../..');

/** What the page consists of, and where it is there, the client that it imports. */
const folders = [join(project, 'web'), join(project, 'packages/client/src')];

/** Scripts, styles and connections of this origin, none of them inline. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the page, where no web server in front does. Its files need no key; the requests that it makes may. */
export default plugin(
  async (app) => {
    const root = folders.filter((folder) => existsSync(folder));
    if (root.length === 0) return;
    await app.register(async (page) => {
      page.addHook('onRoute', (route) => {
        route.config = { ...route.config, public: true };
      });
      page.addHook('onSend', async (_request, reply) => {
        reply.header('content-security-policy', policy);
      });
      // A route for each file: what is not there stays a problem document.
      await page.register(files, { root, wildcard: false, decorateReply: false });
    });
  },
  // A hook holds only for what is registered after it.
  { dependencies: ['admission'] },
);
