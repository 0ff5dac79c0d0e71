import { type CollectionRole, type KeyScope, keyScope, type UserRole } from '@millrace/contracts';
import type { Principal } from './principal';

interface PermissionRule {
  /** The lowest role in a collection that gives it there; null when it is not about a collection. */
  in: CollectionRole | null;
  /** The roles that give it everywhere. */
  everywhere: readonly UserRole[];
  /** The scope that an API key needs besides. */
  scope: KeyScope;
}

const all: readonly UserRole[] = ['member', 'operator', 'admin'];
const operators: readonly UserRole[] = ['operator', 'admin'];
const admins: readonly UserRole[] = ['admin'];

/**
 * Everything that the API can be asked for. Each endpoint declares one of these. An operator sees and repairs all work, but
 * reads no text of documents unless a collection is shared with it.
 */
export const permissions = {
  'collections.create': { in: null, everywhere: all, scope: 'write' },
  'collections.manage': { in: 'manager', everywhere: admins, scope: 'write' },
  'collections.members': { in: 'manager', everywhere: admins, scope: 'read' },
  'collections.leave': { in: 'reader', everywhere: admins, scope: 'write' },
  'collections.limit': { in: null, everywhere: admins, scope: 'admin' },
  'collections.read': { in: 'reader', everywhere: operators, scope: 'read' },
  'documents.list': { in: 'reader', everywhere: operators, scope: 'read' },
  'documents.read': { in: 'reader', everywhere: admins, scope: 'read' },
  'documents.write': { in: 'writer', everywhere: admins, scope: 'write' },
  'jobs.read': { in: 'reader', everywhere: operators, scope: 'read' },
  'jobs.repair': { in: 'writer', everywhere: operators, scope: 'write' },
  'actions.list': { in: 'reader', everywhere: operators, scope: 'read' },
  'models.read': { in: null, everywhere: all, scope: 'read' },
  'documentation.read': { in: null, everywhere: all, scope: 'read' },
  'account.read': { in: null, everywhere: all, scope: 'read' },
  'account.change': { in: null, everywhere: all, scope: 'account' },
  'keys.manage': { in: null, everywhere: all, scope: 'account' },
  'users.manage': { in: null, everywhere: admins, scope: 'admin' },
  'groups.manage': { in: null, everywhere: admins, scope: 'admin' },
  'signing_keys.rotate': { in: null, everywhere: admins, scope: 'admin' },
  'metrics.read': { in: null, everywhere: operators, scope: 'operate' },
  'queues.operate': { in: null, everywhere: operators, scope: 'operate' },
} as const satisfies Record<string, PermissionRule>;

export type Permission = keyof typeof permissions;

const ranks: Record<CollectionRole, number> = { reader: 1, writer: 2, manager: 3 };

/** True when the first role includes the second. */
export function includesRole(role: CollectionRole, other: CollectionRole): boolean {
  return ranks[role] >= ranks[other];
}

/** A collection, and the role in it of the principal's user. */
export interface CollectionRelation {
  id: string;
  role: CollectionRole | null;
}

/**
 * The one decision about rights: whether the principal may do this, in this collection where one is named. Without a collection
 * it says whether the principal may do it everywhere that its key allows.
 */
export function can(principal: Principal, permission: Permission, collection?: CollectionRelation): boolean {
  const rule: PermissionRule = permissions[permission];
  if (principal.scopes !== null && !principal.scopes.has(rule.scope)) {
    return false;
  }
  if (principal.collectionIds !== null && !(collection && principal.collectionIds.has(collection.id))) {
    // A key for some collections has no rights in others, makes no further ones, and has none over the installation.
    return collection === undefined && rule.in === null && rule.everywhere.includes('member') && rule.scope === 'read';
  }
  if (rule.everywhere.includes(principal.role)) {
    return true;
  }
  return rule.in !== null && collection?.role != null && includesRole(collection.role, rule.in);
}

/** Whether the principal may do this anywhere. If not, the request is refused before its rows are looked up. */
export function mayEver(principal: Principal, permission: Permission): boolean {
  const { in: least, scope }: PermissionRule = permissions[permission];
  const hasScope = principal.scopes === null || principal.scopes.has(scope);
  return least === null ? can(principal, permission) : hasScope;
}

/** The scopes that a key of a user with this role can use. */
export function scopesOf(role: UserRole): KeyScope[] {
  const rules: PermissionRule[] = Object.values(permissions);
  return keyScope.options.filter((scope) =>
    rules.some((rule) => rule.scope === scope && (rule.in !== null || rule.everywhere.includes(role))),
  );
}
