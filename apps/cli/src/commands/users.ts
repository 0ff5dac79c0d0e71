import { userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { changeUser, newPassword } from '@millrace/accounts';
import { MillraceError, newPassword as passwordRule } from '@millrace/contracts';
import { checkSetup } from '@millrace/database';
import { StackError } from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { withOwnerConnection } from '../database/owner';

const whenInterrupted = 'Interrupted. The password may not have been changed.';

/** Adds the command `users reset-password EMAIL`. It helps when an admin has lost the password. */
export function addUsers(program: Command, { context }: Cli): void {
  const users = program.command('users').description('manages users on the database, without the API');

  users
    .command('reset-password')
    .description('gives a user a new password, and ends all its sessions')
    .argument('<email>', 'the e-mail address of the user')
    .option('--stdin', 'reads the new password from standard input; otherwise one is made and printed')
    .option('--enable', 'enables the user if it is disabled')
    .action(async (email: string, { stdin = false, enable = false }: { stdin?: boolean; enable?: boolean }) => {
      const password = stdin ? await readPassword() : newPassword();
      await withOwnerConnection(context, { name: 'users', whenInterrupted }, async ({ database }) => {
        await checkSetup(database.sql);
        const user = await database.users.findByEmail(email.trim().toLowerCase());
        if (!user) {
          throw new MillraceError('USER_NOT_FOUND', `There is no user with the e-mail address ${email}.`);
        }
        const changes = { password, ...(enable ? { status: 'active' as const } : {}) };
        await changeUser(database, user.id, changes, { kind: 'cli', id: userInfo().username });
        if (user.status === 'disabled' && !enable) {
          context.print(`${user.email} is disabled. To enable it, add --enable.`);
        }
        context.print(
          stdin ? `The password of ${user.email} is changed.` : `The new password of ${user.email}: ${password}`,
        );
      });
    });
}

/** Reads a password, without the line break at its end. @throws StackError when it is too short or too long */
async function readPassword(): Promise<string> {
  const parsed = passwordRule.safeParse((await text(process.stdin)).replace(/\r?\n$/, ''));
  if (!parsed.success) {
    throw new StackError(`The password ${parsed.error.issues.map(({ message }) => message).join('; ')}.`);
  }
  return parsed.data;
}
