import { Sessions } from '@app/sessions/sessions';
import { connect, Kept } from '@app/state';
import plugin from 'fastify-plugin';
import { Issuer } from '../identity/issuer.ts';
import { KeyFile } from '../identity/key-file.ts';
import { Refresh } from '../identity/refresh.ts';
import { GatewayState } from './state.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Where people sign in; nobody can where there is none. */
    issuer: Issuer | undefined;
    sessions: Sessions;
    refresh: Refresh | undefined;
  }
}

/** What it takes to know people. */
export default plugin(
  async (app) => {
    const { config } = app;
    const issuer =
      config.OIDC_ISSUER === undefined ? undefined : new Issuer(config.OIDC_ISSUER, config);
    const name = `${config.SERVICE_NAME}-sessions`;
    // Nearly each request asks for who is signed in: a connection that hears when that changes.
    const redis = connect(config.REDIS_URL, name, app.log, true);
    app.addHook('onClose', async () => redis.destroy());
    const times = { idle_s: config.SESSION_IDLE_S, max_s: config.SESSION_MAX_S };
    const sessions = new Sessions(new GatewayState(redis), times, new Kept(redis));
    const limits = {
      ahead_s: config.REFRESH_AHEAD_S,
      patience_s: config.ISSUER_PATIENCE_S,
      rolesClaim: config.OIDC_ROLES_CLAIM,
    };
    app.decorate('issuer', issuer);
    app.decorate('sessions', sessions);
    app.decorate('refresh', issuer && new Refresh(issuer, sessions, limits, app.log));
    if (config.API_KEYS_FILE !== undefined)
      app.callers = new KeyFile(config.API_KEYS_FILE, app.log);
  },
  { name: 'identity', dependencies: ['state'] },
);
