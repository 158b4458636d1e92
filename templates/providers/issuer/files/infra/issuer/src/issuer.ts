import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, type ClientMetadata, type Configuration } from 'oidc-provider';
import { people } from './people.ts';

/** What every client proves itself by. It is no secret: nobody outside this machine gets here. */
export const CLIENT_SECRET = 'development';

const INTERACTION = /^\/interaction\/[\w-]+$/;

interface Client {
  id: string;
  url: string;
  inside?: string;
}

export interface IssuerOptions {
  /** Where it is. */
  url: string;
  /** The gateways that people sign in at, and where they are for the issuer, if that is elsewhere. */
  clients: Client[];
  /** How long an access token lasts. */
  accessTokenS?: number;
}

/**
 * An OpenID Connect issuer for development and tests: whoever asks is in, as whom they choose.
 * What it knows is gone when it ends, its keys as well.
 */
export async function createIssuer({
  url,
  clients,
  accessTokenS = 300,
}: IssuerOptions): Promise<Provider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const resources = clients.map((client) => client.url);
  const provider = new Provider(url, {
    clients: [...clients.map(clientOf), program],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [crypto.randomUUID()] },
    claims: { openid: ['sub'], profile: ['name', 'roles'] },
    // The page's backend reads them from the ID token.
    conformIdTokenClaims: false,
    findAccount: (_context, id) => {
      const person = people[id];
      return person && { accountId: id, claims: () => ({ sub: id, ...person }) };
    },
    extraTokenClaims: (_context, token) => {
      const id = 'accountId' in token ? token.accountId : undefined;
      return id === undefined ? undefined : { roles: people[id]?.roles ?? [] };
    },
    // The provider's own dispatcher reaches no loopback address, where the gateway is that it tells of
    // sign-outs.
    fetch: async (url, { dispatcher: _, ...options } = {}) => await fetch(url, options),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    // Nobody is asked whether the project's own gateway may know them.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        ...(oidc.client && { clientId: oidc.client.clientId }),
        ...(oidc.session?.accountId && { accountId: oidc.session.accountId }),
      });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenS,
      ClientCredentials: accessTokenS,
      Grant: 86_400,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        // Who comes from the page has said so there.
        logoutSource: (context, form) => {
          context.body = page(
            `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
          );
        },
        postLogoutSuccessSource: (context) => {
          context.body = page('<p>You are signed out.</p>');
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, client) =>
          clients.find(({ id }) => id === client.clientId)?.url ?? resources[0] ?? url,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, audience) => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: accessTokenS,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  } satisfies Configuration);

  provider.use(async (context, next) => {
    if (!INTERACTION.test(context.path)) return await next();
    const { req, res } = context;
    await provider.interactionDetails(req, res);
    if (context.method === 'GET') {
      context.body = page(choices());
      return;
    }
    const login = new URLSearchParams(await text(req)).get('login') ?? '';
    const chosen = Object.hasOwn(people, login);
    const result = chosen ? { login: { accountId: login } } : { error: 'access_denied' };
    context.redirect(await provider.interactionResult(req, res, result));
  });
  return provider;
}

/** The gateway at this address, as the issuer knows it. */
function clientOf({ id, url, inside = url }: Client): ClientMetadata {
  return {
    client_id: id,
    client_secret: CLIENT_SECRET,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [`${url}/auth/callback`],
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${inside}/auth/backchannel-logout`,
    backchannel_logout_session_required: true,
  };
}

/** A program that calls the gateway with a token of its own. */
const program: ClientMetadata = {
  client_id: 'program',
  client_secret: CLIENT_SECRET,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
};

/** Who one can be. */
function choices(): string {
  const buttons = Object.entries(people).map(
    ([id, { name }]) => `<button name="login" value="${id}">${name}</button>`,
  );
  return `<h1>Sign in as</h1><form method="post">${buttons.join(' ')}</form>`;
}

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Sign in</title><link rel="icon" href="data:,"><body><main>${body}</main></body></html>`;
}
