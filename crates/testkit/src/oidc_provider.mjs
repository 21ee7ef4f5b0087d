// A certified OpenID provider (oidc-provider) on a free port of this machine, with everything in memory.
// It prints its issuer once it answers. People sign in by its own pages for development: any name does.
//
// Usage: node provider.mjs NODE_MODULES
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const home = createRequire(`${process.argv[2]}/`);
const { Provider } = await import(pathToFileURL(home.resolve('oidc-provider')).href);

const server = createServer();
await new Promise((bound) => server.listen(0, '127.0.0.1', bound));
const issuer = `http://127.0.0.1:${server.address().port}`;

// A public client and one with a secret, both on any port of this machine (RFC 8252).
const client = {
  application_type: 'native',
  grant_types: ['authorization_code'],
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
};
const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: 'fairlead', token_endpoint_auth_method: 'none' },
    { ...client, client_id: 'fairlead-secret', client_secret: 'a secret: 100% of it' },
  ],
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      preferred_username: id,
      email: `${id}@bank.example`,
      groups: [`${id}-group`],
    }),
  }),
  pkce: { required: () => true },
  ttl: { IdToken: 300 },
});
server.on('request', provider.callback());
console.log(issuer);
