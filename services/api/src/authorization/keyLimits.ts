import { type KeyScope, MillraceError } from '@millrace/contracts';
import type { UserRow } from '@millrace/database';
import { scopesOf } from './permissions';
import type { Principal } from './principal';

/** What a new key shall be allowed. */
export interface WantedKey {
  scopes: readonly KeyScope[];
  expiresAt: Date | null;
}

/**
 * Makes sure that a new key gives nothing that its maker or its user does not have. A key that makes another one gives at most its
 * own scopes, for at most its own time. One that is limited to some collections may make none at all.
 * @throws MillraceError FORBIDDEN
 */
export function refuseExcess(wanted: WantedKey, maker: Principal, user: UserRow): void {
  const beyondRole = wanted.scopes.filter((scope) => !scopesOf(user.role).includes(scope));
  if (beyondRole.length > 0) {
    throw forbidden(`A user with the role ${user.role} can have no key with the scope ${beyondRole.join(', ')}.`);
  }
  const beyondMaker = wanted.scopes.filter((scope) => maker.scopes !== null && !maker.scopes.has(scope));
  if (beyondMaker.length > 0) {
    throw forbidden(`The key that makes this one does not have the scope ${beyondMaker.join(', ')}.`);
  }
  const { expiresAt } = maker;
  if (expiresAt !== null && !(wanted.expiresAt !== null && wanted.expiresAt <= expiresAt)) {
    throw forbidden(`The key that makes this one ends at ${expiresAt.toISOString()}. Name an end before that.`);
  }
}

function forbidden(message: string): MillraceError {
  return new MillraceError('FORBIDDEN', message);
}
