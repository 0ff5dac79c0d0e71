import { StackError } from './context';
import { type Account, capture } from './run';

/** True when this process runs as root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Looks up an account with `id`, which also knows accounts that are not in /etc/passwd. */
async function findAccount(name: string): Promise<Account | undefined> {
  const [user, group] = await Promise.all([capture('id', ['-u', name]), capture('id', ['-g', name])]);
  return user.code === 0 && group.code === 0
    ? { name, uid: Number(user.stdout), gid: Number(group.stdout) }
    : undefined;
}

/**
 * Chooses the account that a server runs as. It is undefined (the current account) unless this program runs as root. A
 * server must not run as root, and PostgreSQL refuses to.
 * @param names the accounts to try, in this order
 * @throws StackError when none of them exists
 */
export async function serverAccount(names: readonly string[]): Promise<Account | undefined> {
  if (!isRoot()) {
    return undefined;
  }
  for (const name of names) {
    const account = await findAccount(name);
    if (account && account.uid !== 0) {
      return account;
    }
  }
  throw new StackError(`None of the system accounts ${names.join(', ')} exists, and a server must not run as root.`);
}
