import { restartGraceIsOver } from '../connection/restartGrace';
import type { Sql } from '../connection/sql';

export interface TextClaim {
  contentHashes: readonly string[];
  model: string;
  token: string;
  leaseMs: number;
}

/**
 * The texts that a worker is embedding at this moment. A worker that gets a claim looks into document_chunks afterwards:
 * the last holder released it in the transaction that stored the vector.
 */
export class EmbeddingClaims {
  constructor(private readonly sql: Sql) {}

  /** Claims the given texts that no other worker is embedding. @returns their content hashes. */
  async take(claim: TextClaim): Promise<Set<string>> {
    const rows = await this.sql.many<{ contentHash: string }>(
      `INSERT INTO embedding_claims (content_hash, model, token, expires_at)
       SELECT hash, $<model>, $<token>, now() + $<leaseMs> * interval '1 millisecond'
       FROM unnest($<contentHashes>::text[]) AS hash ORDER BY hash
       ON CONFLICT (content_hash, model) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
         WHERE embedding_claims.token = excluded.token OR ${isOver}
            -- No claim ends later than a lease can. A later end was written by a wrong clock.
            OR embedding_claims.expires_at > now() + 2 * $<leaseMs> * interval '1 millisecond'
       RETURNING content_hash AS "contentHash"`,
      claim,
    );
    return new Set(rows.map((row) => row.contentHash));
  }

  /** Renews every claim under the tokens. */
  async renew(tokens: readonly string[], leaseMs: number): Promise<void> {
    await this.sql.none(
      `UPDATE embedding_claims SET expires_at = now() + $<leaseMs> * interval '1 millisecond'
       WHERE token = ANY($<tokens>::uuid[])`,
      { tokens, leaseMs },
    );
  }

  /** Releases texts that are claimed under the token. */
  async release(contentHashes: readonly string[], token: string): Promise<void> {
    if (contentHashes.length === 0) {
      return;
    }
    await this.sql.none(
      'DELETE FROM embedding_claims WHERE content_hash = ANY($<contentHashes>::text[]) AND token = $<token>',
      { contentHashes, token },
    );
  }

  /** Removes up to `limit` claims that have expired. @returns how many. */
  removeExpired(limit: number): Promise<number> {
    return this.sql.affected(
      `DELETE FROM embedding_claims WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM embedding_claims WHERE ${isOver} LIMIT $1 FOR UPDATE SKIP LOCKED))`,
      [limit],
    );
  }
}

const isOver = `(embedding_claims.expires_at < now() AND ${restartGraceIsOver})`;
