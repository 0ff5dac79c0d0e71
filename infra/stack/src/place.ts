import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from './context';
import type { Account } from './processes/run';
import { capture } from './processes/run';

/** Where data goes when the service's account cannot reach the state folder, such as below /root. */
const systemFolder = '/var/lib/millrace';

/** The folder below which this checkout's data lies when it cannot lie in the state folder. */
export function fallbackFolder(context: StackContext): string {
  return join(systemFolder, context.id);
}

/** True when the account can enter the folder and write there. */
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
 * Makes and returns the folder for a service's data: STATE_DIR/<name> if its account can work there, else
 * /var/lib/millrace/<id of the state folder>/<name>. Data that is there already decides first, so that a
 * folder whose permissions changed does not lead to a second, empty database.
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
        `The data in ${near} cannot be reached by the account ${account.name} any more. Make the folders above it ` +
          'enterable for that account (chmod o+x), or delete the data with: npm run services -- reset',
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
    throw new StackError(`Neither ${near} nor ${far} can be used by the account ${account.name}.`);
  }
  return far;
}
