// An OpenID provider for tests: node provider.mjs '{"port": …, "redirects": […], "people": {"alice": {"groups": […]}}, …}'.
// It says "ready", takes any password, and ends when standard input does.
import { Provider } from 'oidc-provider';

const { port, redirects, people, client = {}, ...more } = JSON.parse(process.argv[2]);
const names = [...new Set(Object.values(people).flatMap((claims) => Object.keys(claims)))];
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: 'baton', client_secret: 'of the hub', redirect_uris: redirects, ...client }],
  claims: { openid: ['sub'], profile: names },
  pkce: { required: () => true },
  cookies: { keys: ['for a test'] },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  ...more,
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit()).resume();
