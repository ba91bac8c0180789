// This file is about better-auth with its API key plugin: keys in PostgreSQL, which is the plugin's default storage, or, where
// a Redis is named, in that (`secondary-storage`), by the adapter that better-auth has for it.

import { apiKey } from '@better-auth/api-key';
import { redisStorage } from '@better-auth/redis-storage';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { Redis } from 'ioredis';

import { firstPort, pool, port, secrets, serve } from './service.js';

const redis = process.env.REDIS_URL;

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${firstPort}`,
  secret: secrets.secret,
  database: pool,
  secondaryStorage: redis && redisStorage({ client: new Redis(redis) }),
  emailAndPassword: { enabled: true },
  plugins: [
    apiKey({
      storage: redis ? 'secondary-storage' : 'database',
      // By default a key is good for ten requests a day.
      rateLimit: { enabled: false },
    }),
  ],
  telemetry: { enabled: false },
  // It would write some lines for each key that it refuses.
  logger: { disabled: true },
});

const owner = { email: 'owner@example.com', password: 'a password of the bench', name: 'owner' };

// Signs the owner in, and up the first time; the headers that say so.
async function signIn() {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  const { rowCount } = await pool.query('SELECT FROM "user" WHERE email = $1', [owner.email]);
  const call = rowCount === 0 ? auth.api.signUpEmail : auth.api.signInEmail;
  const { headers, response } = await call({ body: owner, returnHeaders: true });
  const cookies = headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  return { id: response.user.id, headers: new Headers({ cookie: cookies.join('; ') }) };
}

// The other instance only verifies.
const user = port === firstPort ? await signIn() : undefined;

serve({
  async create() {
    const { id, key } = await auth.api.createApiKey({ body: { name: 'bench', userId: user.id } });
    return [id, key];
  },

  async verify(key) {
    return (await auth.api.verifyApiKey({ body: { key } })).valid;
  },

  async remove(id) {
    await auth.api.deleteApiKey({ body: { keyId: id }, headers: user.headers });
  },
});
