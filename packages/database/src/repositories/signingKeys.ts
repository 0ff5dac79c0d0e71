import type { Sql } from '../connection/sql';

export interface SigningKeyRow {
  /** The `kid` of tokens. */
  id: string;
  /** The private JWK. */
  privateKey: Record<string, unknown>;
  /** False for a key that only verifies. */
  isCurrent: boolean;
  ageMs: number;
}

const columns = `id, private_key AS "privateKey", verifies_until IS NULL AS "isCurrent",
  (extract(epoch FROM now() - created_at) * 1000)::float8 AS "ageMs"`;

/** The keys that sign access tokens. One signs at a time. */
export class SigningKeys {
  constructor(private readonly sql: Sql) {}

  /** Finds the key that signs. */
  findCurrent(): Promise<SigningKeyRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM signing_keys WHERE verifies_until IS NULL`);
  }

  /** Lists the keys whose tokens are accepted, the newest first. */
  list(): Promise<SigningKeyRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM signing_keys WHERE verifies_until IS NULL OR verifies_until > now()
       ORDER BY created_at DESC, id`,
    );
  }

  /** Stores a key that signs, unless there is one. @returns whether it did. */
  async insert(key: Pick<SigningKeyRow, 'id' | 'privateKey'>): Promise<boolean> {
    const inserted = await this.sql.affected(
      `INSERT INTO signing_keys (id, private_key) VALUES ($<id>, $<privateKey>::jsonb)
       ON CONFLICT ((true)) WHERE verifies_until IS NULL DO NOTHING`,
      { id: key.id, privateKey: JSON.stringify(key.privateKey) },
    );
    return inserted === 1;
  }

  /** Stops signing with this key. Its tokens are accepted for some time. @returns false when it no longer signs. */
  async retire(id: string, verifiesForMs: number): Promise<boolean> {
    const retired = await this.sql.affected(
      `UPDATE signing_keys SET verifies_until = now() + $<verifiesForMs> * interval '1 millisecond'
       WHERE id = $<id> AND verifies_until IS NULL`,
      { id, verifiesForMs },
    );
    return retired === 1;
  }

  /** Removes the keys whose tokens have all expired. */
  async removeExpired(): Promise<void> {
    await this.sql.none('DELETE FROM signing_keys WHERE verifies_until < now()');
  }
}
