// This file is about the common home-made way: a table of digests in PostgreSQL, and in every instance a cache of the keys
// that were found there. Whoever removes a key drops it from the table and from its own cache; the other instances learn
// of it when their entry has run out.

import { createHash, randomBytes, randomUUID } from 'node:crypto';

import { pool, seconds, serve } from './service.js';

await pool.query('CREATE TABLE IF NOT EXISTS keys (id uuid PRIMARY KEY, digest text UNIQUE NOT NULL)');

const digest = (key) => createHash('sha256').update(key).digest('hex');
const goodUntil = new Map();

serve({
  async create() {
    const [id, key] = [randomUUID(), randomBytes(32).toString('base64url')];
    await pool.query('INSERT INTO keys VALUES ($1, $2)', [id, digest(key)]);
    return [id, key];
  },

  async verify(key) {
    const name = digest(key);
    if (goodUntil.get(name) > Date.now()) return true;
    goodUntil.delete(name);
    const { rowCount } = await pool.query('SELECT FROM keys WHERE digest = $1', [name]);
    if (rowCount === 1) goodUntil.set(name, Date.now() + 1000 * seconds);
    return rowCount === 1;
  },

  async remove(id) {
    const { rows } = await pool.query('DELETE FROM keys WHERE id = $1 RETURNING digest', [id]);
    for (const { digest } of rows) goodUntil.delete(digest);
  },
});
