import { type GroupView, type KeyView, keyScope, type UserView } from '@millrace/contracts';
import type { ApiKeyRow, GroupRow, UserRow } from '@millrace/database';
import type { Principal } from './authorization/principal';

const iso = (date: Date) => date.toISOString();
const isoOrNull = (date: Date | null) => date?.toISOString() ?? null;

export function userView(row: UserRow): UserView {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    status: row.status,
    has_password: row.hasPassword,
    default_collection_id: row.defaultCollectionId,
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
    last_sign_in_at: isoOrNull(row.lastSignInAt),
  };
}

/** Who makes a request, as it sees itself. */
export function meView(row: UserRow, { kind, scopes, collectionIds }: Principal) {
  return {
    user: userView(row),
    kind,
    scopes: scopes && keyScope.options.filter((scope) => scopes.has(scope)),
    collection_ids: collectionIds && [...collectionIds],
  };
}

export function groupView(row: GroupRow): GroupView {
  return { id: row.id, name: row.name, members: row.members, created_at: iso(row.createdAt) };
}

export function keyView(row: ApiKeyRow): KeyView {
  return {
    id: row.id,
    user_id: row.userId,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    collection_ids: row.collectionIds,
    expires_at: isoOrNull(row.expiresAt),
    last_used_at: isoOrNull(row.lastUsedAt),
    revoked_at: isoOrNull(row.revokedAt),
    revoked_by: row.revokedBy,
    configured: row.configured,
    created_at: iso(row.createdAt),
  };
}
