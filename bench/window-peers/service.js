// This file is about what all peers share: their settings, which come by environment variables, and the three calls that
// `keyward bench window` makes of them.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

import pg from 'pg';

// The port of this instance, the one of the instance that makes and removes keys, and for how many seconds what may go out of
// date is trusted.
export const port = Number(process.env.PORT);
export const firstPort = Number(process.env.FIRST_PORT);
export const seconds = Number(process.env.SECONDS);

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });

// What all instances share and keep: a secret, and a key that signs. The first instance makes them when it first starts.
export const secrets = kept(process.env.SECRETS);

function kept(file) {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'RS256' };
    const made = { secret: randomBytes(32).toString('hex'), signingKey };
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file));
}

// Serves on loopback. `create` answers an id and a key, `verify` whether a key is good, `remove` once it is removed; every
// other path is for `rest`.
export function serve({ create, verify, remove, rest }) {
  const answer = async (request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    switch (`${request.method} ${url.pathname}`) {
      case 'POST /create':
        return response.end(`${(await create(url.searchParams)).join(' ')}\n`);
      case 'GET /verify':
        response.statusCode = (await verify(request.headers['x-api-key'])) ? 200 : 401;
        return response.end();
      case 'POST /remove':
        await remove(url.searchParams.get('id'));
        return response.end();
      default:
        if (rest) return rest(request, response);
        response.statusCode = 404;
        return response.end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      response.statusCode = 500;
      response.end();
    });
  });
  server.listen(port, '127.0.0.1');
}
