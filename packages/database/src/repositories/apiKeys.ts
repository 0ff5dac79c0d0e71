import type { KeyScope, UserRole } from '@millrace/contracts';
import { isAfterPlace, type Listed, type ListPage, placeColumn, placeValues } from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

/** A key that is in force, with what its user may do at this moment. */
export interface KeyHolder {
  keyId: string;
  userId: string;
  role: UserRole;
  scopes: KeyScope[];
  /** The only collections that the key may use, or null for all of its user's. */
  collectionIds: string[] | null;
  defaultCollectionId: string | null;
  expiresAt: Date | null;
}

/** A key as its user sees it. */
export interface ApiKeyRow {
  id: string;
  userId: string;
  name: string;
  prefix: string;
  scopes: KeyScope[];
  collectionIds: string[] | null;
  configured: boolean;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
  revokedBy: string | null;
  createdAt: Date;
}

export interface NewApiKey {
  id: string;
  userId: string;
  name: string;
  prefix: string;
  /** SHA-256 of the key, in hexadecimal. */
  keyHash: string;
  scopes: readonly KeyScope[];
  collectionIds: readonly string[] | null;
  expiresAt: Date | null;
}

const columns = `id, user_id AS "userId", name, prefix, scopes, collection_ids AS "collectionIds", configured,
  expires_at AS "expiresAt", last_used_at AS "lastUsedAt", revoked_at AS "revokedAt", revoked_by AS "revokedBy",
  created_at AS "createdAt"`;

export class ApiKeys {
  constructor(private readonly sql: Sql) {}

  /** Finds a key that is in force: neither revoked nor expired, and its user is active. */
  findHolder(keyHash: string): Promise<KeyHolder | null> {
    return this.sql.oneOrNone(
      `SELECT k.id AS "keyId", k.user_id AS "userId", u.role, k.scopes, k.collection_ids AS "collectionIds",
         u.default_collection_id AS "defaultCollectionId", k.expires_at AS "expiresAt"
       FROM api_keys k JOIN users u ON u.id = k.user_id
       WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
         AND u.status = 'active'`,
      [keyHash],
    );
  }

  find(id: string): Promise<ApiKeyRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM api_keys WHERE id = $1`, [id]);
  }

  /** Lists the keys of a user, the newest first, with those that are revoked or expired. */
  list(userId: string, page: ListPage): Promise<Listed<ApiKeyRow>[]> {
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('created_at')} FROM api_keys
       WHERE user_id = $<userId> AND ${isAfterPlace('created_at', 'id')}
       ORDER BY created_at DESC, id DESC LIMIT $<limit>`,
      { userId, ...placeValues(page) },
    );
  }

  insert(key: NewApiKey): Promise<ApiKeyRow> {
    return this.sql.one(
      `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, collection_ids, expires_at)
       VALUES ($<id>, $<userId>, $<name>, $<prefix>, $<keyHash>, $<scopes>::text[], $<collectionIds>::uuid[], $<expiresAt>)
       RETURNING ${columns}`,
      key,
    );
  }

  /** Revokes the key unless it is revoked. @returns whether it did. */
  async revoke(id: string, revokedBy: string): Promise<boolean> {
    const revoked = await this.sql.affected(
      'UPDATE api_keys SET revoked_at = now(), revoked_by = $<revokedBy> WHERE id = $<id> AND revoked_at IS NULL',
      { id, revokedBy },
    );
    return revoked === 1;
  }

  /** Records that the key was used, at most once a minute. */
  async noteUse(id: string): Promise<void> {
    await this.sql.none(
      `UPDATE api_keys SET last_used_at = now()
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [id],
    );
  }

  /**
   * Makes this key the one that the configuration names. It revokes the configured key before it. A key that a person has
   * revoked stays revoked.
   */
  async configure(key: NewApiKey): Promise<void> {
    await this.sql.none(
      `UPDATE api_keys SET revoked_at = now() WHERE configured AND revoked_at IS NULL AND key_hash <> $<keyHash>`,
      key,
    );
    await this.sql.none(
      `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, collection_ids, configured, expires_at)
       VALUES ($<id>, $<userId>, $<name>, $<prefix>, $<keyHash>, $<scopes>, $<collectionIds>, true, $<expiresAt>)
       ON CONFLICT (key_hash) DO UPDATE SET revoked_at = NULL
         WHERE api_keys.configured AND api_keys.revoked_at IS NOT NULL AND api_keys.revoked_by IS NULL`,
      key,
    );
  }
}
