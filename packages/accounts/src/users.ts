import { type Actor, MillraceError, newId, type UserRole, type UserStatus } from '@millrace/contracts';
import {
  type CollectionQuotas,
  type Database,
  firstAdminId,
  type Session,
  type UserChanges,
  type UserRow,
} from '@millrace/database';
import { hashPassword } from './password';

/** The collection that a new user gets. */
const defaultCollection = {
  name: 'default',
  description: '',
  metadata: {},
  language: null,
};

export interface NewAccount {
  email: string;
  name: string;
  role: UserRole;
  /** Without one the user uses keys or an outside provider. */
  password?: string | undefined;
  /** Of its collection. */
  quotas: CollectionQuotas;
}

/** Makes a user and its default collection. @throws MillraceError EMAIL_TAKEN */
export async function createUser(database: Database, account: NewAccount, actor: Actor): Promise<UserRow> {
  const passwordHash = account.password === undefined ? null : await hashPassword(account.password);
  return database.transaction((session) => insertUser(session, { ...account, passwordHash }, actor));
}

/** Does the same in a transaction, with a hash. @throws MillraceError EMAIL_TAKEN */
export async function insertUser(
  session: Session,
  account: Omit<NewAccount, 'password'> & { passwordHash: string | null },
  actor: Actor,
): Promise<UserRow> {
  const { email, name, role, passwordHash, quotas } = account;
  const id = newId();
  const collectionId = newId();
  await session.users.insert({ id, email, name, role, passwordHash });
  await session.collections.insert({ ...defaultCollection, id: collectionId, ownerId: id, quotas });
  await session.users.setDefaultCollection(id, collectionId);
  await session.actions.record({ id: newId(), kind: 'user_created', actor, userId: id, details: { email } });
  return found(await session.users.find(id), id);
}

export interface AccountChanges {
  email?: string | undefined;
  name?: string | undefined;
  role?: UserRole | undefined;
  status?: UserStatus | undefined;
  /** Null removes the password. */
  password?: string | null | undefined;
  /** The collection of uploads that name none; null for none. */
  defaultCollectionId?: string | null | undefined;
}

/**
 * Changes a user. A change of the password ends its sessions, and so does disabling it: they do not come back when it is enabled.
 * @throws MillraceError USER_NOT_FOUND, EMAIL_TAKEN, or LAST_ADMIN when no active admin would be left
 */
export async function changeUser(
  database: Database,
  id: string,
  { password, ...changes }: AccountChanges,
  actor: Actor,
): Promise<UserRow> {
  const passwordHash = typeof password === 'string' ? await hashPassword(password) : password;
  return database.transaction((session) => updateUser(session, id, { ...changes, passwordHash }, actor));
}

/** Does the same in a transaction, with a hash. LAST_ADMIN leaves the transaction as it was. */
export async function updateUser(session: Session, id: string, changes: UserChanges, actor: Actor): Promise<UserRow> {
  const { passwordHash } = changes;
  if ((changes.role ?? 'admin') !== 'admin' || changes.status === 'disabled') {
    await keepAnAdmin(session, id);
  }
  const before = found(await session.users.lock(id), id);
  const after = found(await session.users.change(id, changes), id);
  if (passwordHash !== undefined || after.status === 'disabled') {
    await session.signIns.endAll(id);
    await session.sessions.removeOfUser(id);
  }
  await recordChanges(session, { before, after, setsPassword: passwordHash !== undefined }, actor);
  return after;
}

async function recordChanges(
  { actions }: Session,
  { before, after, setsPassword }: { before: UserRow; after: UserRow; setsPassword: boolean },
  actor: Actor,
): Promise<void> {
  const about = { actor, userId: after.id, details: { email: after.email } };
  const isDisabled = after.status === 'disabled' && before.status === 'active';
  const isChanged =
    after.email !== before.email ||
    after.name !== before.name ||
    after.role !== before.role ||
    (after.status === 'active' && before.status === 'disabled');
  if (isDisabled) {
    await actions.record({ id: newId(), kind: 'user_disabled', ...about });
  }
  if (isChanged) {
    await actions.record({ id: newId(), kind: 'user_changed', ...about });
  }
  if (setsPassword) {
    await actions.record({ id: newId(), kind: 'password_changed', ...about });
  }
}

/**
 * Deletes a user with its keys and sessions. Its collections go to the active user `transferTo`.
 * @throws MillraceError USER_NOT_FOUND, FIRST_ADMIN, LAST_ADMIN, or USER_OWNS_COLLECTIONS without `transferTo`
 */
export async function deleteUser(
  database: Database,
  { id, transferTo }: { id: string; transferTo?: string | undefined },
  actor: Actor,
): Promise<void> {
  if (id === firstAdminId) {
    throw new MillraceError('FIRST_ADMIN');
  }
  await database.transaction(async (session) => {
    await keepAnAdmin(session, id);
    const { email } = found(await session.users.lock(id), id);
    if (transferTo !== undefined && transferTo !== id) {
      await transferCollections(session, { id, email, transferTo }, actor);
    }
    // The lock keeps the user from getting another one meanwhile.
    const count = await session.collections.countOwned(id);
    if (count > 0) {
      throw new MillraceError('USER_OWNS_COLLECTIONS', `Collections that the user owns: ${count}.`, {
        extra: { collections: count },
      });
    }
    await session.collections.transferDeleted({ from: id, to: firstAdminId });
    await session.users.delete(id);
    await session.actions.record({ id: newId(), kind: 'user_deleted', actor, userId: id, details: { email } });
  });
}

async function transferCollections(
  session: Session,
  { id, email, transferTo }: { id: string; email: string; transferTo: string },
  actor: Actor,
): Promise<void> {
  if (!(await session.collectionMembers.findSubject({ userId: transferTo }))) {
    throw new MillraceError('USER_NOT_FOUND', `There is no active user ${transferTo}.`);
  }
  const count = await session.collections.transferAll({ from: id, to: transferTo, suffix: email });
  if (count > 0) {
    const about = { userId: transferTo, details: { from: email, collections: count } };
    await session.actions.record({ id: newId(), kind: 'collections_transferred', actor, ...about });
  }
}

/**
 * Makes sure that another active admin is left when this user no longer is one. It locks all of them, so that two requests
 * cannot take the last two away at once.
 * @throws MillraceError LAST_ADMIN
 */
async function keepAnAdmin({ users }: Session, id: string): Promise<void> {
  const admins = await users.lockActiveAdmins();
  if (admins.length === 1 && admins[0] === id) {
    throw new MillraceError('LAST_ADMIN');
  }
}

function found(user: UserRow | null, id: string): UserRow {
  if (!user) {
    throw new MillraceError('USER_NOT_FOUND', `There is no user ${id}.`);
  }
  return user;
}
