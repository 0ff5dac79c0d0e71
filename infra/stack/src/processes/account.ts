import { StackError } from '../context';
import { type Account, capture } from './run';

/** True when this process runs as root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Looks an account up with `id`, which also knows accounts that are not in /etc/passwd. */
async function findAccount(name: string): Promise<Account | undefined> {
  const [user, group] = await Promise.all([capture('id', ['-u', name]), capture('id', ['-g', name])]);
  if (user.code !== 0 || group.code !== 0) {
    return undefined;
  }
  return { name, uid: Number(user.stdout), gid: Number(group.stdout) };
}

/**
 * Returns the account a service is to run as: undefined (our own) unless we are root, because a server that
 * answers the network has no business being root and PostgreSQL refuses to be.
 * @param names tried in this order
 */
export async function serviceAccount(names: readonly string[]): Promise<Account | undefined> {
  if (!isRoot()) {
    return undefined;
  }
  for (const name of names) {
    const account = await findAccount(name);
    if (account && account.uid !== 0) {
      return account;
    }
  }
  throw new StackError(`None of the system accounts ${names.join(', ')} exists, and a service must not run as root.`);
}
