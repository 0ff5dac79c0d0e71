import type { Sql } from '../connection/sql';

/** An answer as it was sent. */
export interface StoredAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A key of a user, held by the request that the token names. */
export interface HeldKey {
  userId: string;
  key: string;
  token: string;
}

/** The request that a key belongs to. */
export interface KeyedRequest {
  fingerprint: string;
  /** Null while it is being answered. */
  answer: StoredAnswer | null;
}

/** How long an answer can be repeated. */
const retention = `interval '24 hours'`;

/** What was answered to requests with the header Idempotency-Key. */
export class IdempotencyKeys {
  constructor(private readonly sql: Sql) {}

  /**
   * Takes a key that is new, whose request was lost, or whose time is over.
   * @returns null when the key is taken, or the request that has it.
   */
  async claim(held: HeldKey & { fingerprint: string; heldMs: number }): Promise<KeyedRequest | null> {
    for (;;) {
      const taken = await this.sql.affected(
        `INSERT INTO idempotency_keys AS k (user_id, key, fingerprint, token, held_until)
         VALUES ($<userId>, $<key>, $<fingerprint>, $<token>, now() + $<heldMs> * interval '1 millisecond')
         ON CONFLICT (user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, token = excluded.token,
           held_until = excluded.held_until, answer = NULL, created_at = now()
         WHERE (k.answer IS NULL AND k.held_until < now()) OR k.created_at < now() - ${retention}`,
        held,
      );
      if (taken > 0) {
        return null;
      }
      const earlier = await this.sql.oneOrNone<KeyedRequest>(
        'SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $<userId> AND key = $<key>',
        held,
      );
      // Else the other request has failed since, and has released the key.
      if (earlier !== null) {
        return earlier;
      }
    }
  }

  /** Holds a key for longer, while its request is being answered. */
  async renew({ heldMs, ...held }: HeldKey & { heldMs: number }): Promise<void> {
    await this.sql.none(
      `UPDATE idempotency_keys SET held_until = now() + $<heldMs> * interval '1 millisecond'
       WHERE user_id = $<userId> AND key = $<key> AND token = $<token> AND answer IS NULL`,
      { ...held, heldMs },
    );
  }

  /** Stores the answer. @returns false when the key is no longer held under the token. */
  async record(held: HeldKey, answer: StoredAnswer): Promise<boolean> {
    const recorded = await this.sql.affected(
      `UPDATE idempotency_keys SET answer = $<answer>::jsonb
       WHERE user_id = $<userId> AND key = $<key> AND token = $<token> AND answer IS NULL`,
      { ...held, answer: JSON.stringify(answer) },
    );
    return recorded === 1;
  }

  /** Gives back a key whose request was not done. */
  async release(held: HeldKey): Promise<void> {
    await this.sql.none(
      `DELETE FROM idempotency_keys
       WHERE user_id = $<userId> AND key = $<key> AND token = $<token> AND answer IS NULL`,
      held,
    );
  }

  /** Removes up to `limit` keys whose time is over. @returns how many. */
  removeExpired(limit: number): Promise<number> {
    return this.sql.affected(
      `DELETE FROM idempotency_keys WHERE (user_id, key) IN (
         SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - ${retention}
         ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [limit],
    );
  }
}
