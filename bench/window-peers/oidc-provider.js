// This file is about oidc-provider: access tokens of the client credentials grant, either opaque, about which the service
// that gets one asks the provider (RFC 7662), or JWTs, which it checks itself by the provider's public keys.

import { randomBytes, randomUUID } from 'node:crypto';

import { createRemoteJWKSet, jwtVerify } from 'jose';
import Provider from 'oidc-provider';

import { firstPort, pool, seconds, secrets, serve } from './service.js';

const issuer = `http://127.0.0.1:${firstPort}`;
const audience = 'urn:bench:api';

await pool.query(
  'CREATE TABLE IF NOT EXISTS oidc (id text PRIMARY KEY, payload jsonb NOT NULL, expires_at timestamptz)',
);

// Where the provider keeps clients and opaque tokens: as much of its adapter interface as this grant needs.
class Adapter {
  constructor(model) {
    this.name = (id) => `${model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    await pool.query(
      `INSERT INTO oidc VALUES ($1, $2, now() + $3 * interval '1 second')
       ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
      [this.name(id), payload, expiresIn],
    );
  }

  async find(id) {
    const { rows } = await pool.query(
      'SELECT payload FROM oidc WHERE id = $1 AND (expires_at IS NULL OR expires_at > now())',
      [this.name(id)],
    );
    return rows[0]?.payload;
  }

  async destroy(id) {
    await pool.query('DELETE FROM oidc WHERE id = $1', [this.name(id)]);
  }
}

const provider = new Provider(issuer, {
  adapter: Adapter,
  cookies: { keys: [secrets.secret] },
  jwks: { keys: [secrets.signingKey] },
  // By default 600 s where no resource is named: the control has to outlive the measurement.
  ttl: { ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? 3600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience,
        scope: '',
        accessTokenFormat: 'jwt',
        accessTokenTTL: Number(resource.split(':').at(-1)),
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

const clients = new Adapter('Client');

// Registers a client; how it shows who it is.
async function register() {
  const [client_id, client_secret] = [randomUUID(), randomBytes(32).toString('hex')];
  const grant = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
  await clients.upsert(client_id, { client_id, client_secret, ...grant });
  return { client_id, client_secret };
}

async function post(path, form) {
  const response = await fetch(issuer + path, { method: 'POST', body: new URLSearchParams(form) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function token(client, resource) {
  const response = await post('/token', { grant_type: 'client_credentials', ...client, ...resource });
  return (await response.json()).access_token;
}

// Made when it is first needed, which is after the provider listens.
let own;
const ownClient = () => (own ??= register());

// The token itself is removed, by RFC 7009.
const opaque = {
  async create() {
    const key = await token(await ownClient());
    return [key, key];
  },
  async verify(key) {
    const response = await post('/token/introspection', { token: key, ...(await ownClient()) });
    return (await response.json()).active;
  },
  async remove(token) {
    await post('/token/revocation', { token, ...(await ownClient()) });
  },
};

// The provider revokes no JWT (`unsupported_token_type`): the client that it was issued to is removed.
const publicKeys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
const jwt = {
  async create(parameters) {
    const client = await register();
    const lifetime = parameters.get('seconds') ?? seconds;
    return [client.client_id, await token(client, { resource: `urn:bench:seconds:${lifetime}` })];
  },
  async verify(key) {
    return jwtVerify(key, publicKeys, { issuer, audience }).then(
      () => true,
      () => false,
    );
  },
  async remove(id) {
    await clients.destroy(id);
  },
};

serve({ ...(process.env.TOKENS === 'jwt' ? jwt : opaque), rest: provider.callback() });
