import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../system/context';
import { type Account, capture } from '../system/run';

/** Where data lies when the server's account cannot reach the state folder, for example below /root. */
const systemFolder = '/var/lib/millrace';

function fallbackFolder(context: StackContext): string {
  return join(systemFolder, context.id);
}

/** Removes the data that lies outside the state folder. */
export function removeFallbackFolder(context: StackContext): void {
  rmSync(fallbackFolder(context), { recursive: true, force: true });
}

/** True when the account can enter the folder and write to it. */
async function isUsable(directory: string, account: Account): Promise<boolean> {
  const { code } = await capture('/bin/sh', ['-c', 'cd "$0" && test -w .', directory], { account });
  return code === 0;
}

/** Makes a folder that only the account can look into. */
function makePrivate(directory: string, account: Account | undefined): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o700);
  if (account) {
    chownSync(directory, account.uid, account.gid);
  }
}

function hasContent(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0;
}

/**
 * Makes and returns the folder for a server's data: STATE_DIR/<name> if its account can work there, else
 * /var/lib/millrace/<id of the state folder>/<name>. Existing data decides first, so that changed permissions do not
 * lead to a second, empty database.
 * @throws StackError when the account can use neither folder, or can no longer reach existing data
 */
export async function dataFolder(context: StackContext, name: string, account: Account | undefined): Promise<string> {
  const near = join(context.stateDir, name);
  if (!account) {
    makePrivate(near, undefined);
    return near;
  }
  const far = join(fallbackFolder(context), name);
  if (!hasContent(far)) {
    makePrivate(near, account);
    if (await isUsable(near, account)) {
      return near;
    }
    if (hasContent(near)) {
      throw new StackError(
        `The account ${account.name} can no longer reach the data in ${near}. Let it enter the folders above ` +
          '(chmod o+x), or delete the data with: npm run services -- reset',
      );
    }
  }
  for (const folder of [systemFolder, fallbackFolder(context)]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  writeFileSync(join(fallbackFolder(context), 'CHECKOUT'), `${context.stateDir}\n`);
  makePrivate(far, account);
  if (!(await isUsable(far, account))) {
    throw new StackError(`The account ${account.name} can use neither ${near} nor ${far}.`);
  }
  return far;
}
