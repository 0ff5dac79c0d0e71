import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasTables, migrate } from '@millrace/database';
import { type StackContext, StackError } from '../context';
import { run } from '../processes/run';
import { connectionOf, findClientPrograms, pathOf } from './clientPrograms';
import type { OwnerOptions } from './owner';
import { describePlace } from './place';
import { restoreAtOnce } from './restoreAtOnce';

/** Owners and rights are the server's: "db restore" makes them anew where the backup goes. */
const contentAlone = ['--no-owner', '--no-privileges', '--no-comments'];

/**
 * Writes the whole database into a file of pg_dump's custom format, readable by its owner alone: one moment, while work
 * goes on. The file gets its name once it is whole. @returns its size in bytes.
 */
export async function backUp(context: StackContext, owner: OwnerOptions, file: string): Promise<number> {
  if (existsSync(file)) {
    throw new StackError(`${file} is there already; a backup is never written over.`);
  }
  const programs = await findClientPrograms(context, owner.databaseUrl);
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.unfinished`;
  const { args, env } = connectionOf(context, owner.databaseUrl);
  try {
    writeFileSync(unfinished, '', { mode: 0o600 });
    await run(pathOf(programs, 'pg_dump'), [...args, '--format=custom', ...contentAlone, `--file=${unfinished}`], {
      log: join(context.logDir, 'pg_dump.log'),
      env,
      failure: 'The database could not be backed up.',
    });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return statSync(file).size;
}

/**
 * Fills the database from a backup, or leaves it as it was, then runs the migrations that are newer than the backup.
 * @param replace what the database holds is deleted with it
 */
export async function restore(
  context: StackContext,
  owner: OwnerOptions,
  file: string,
  replace: boolean,
): Promise<void> {
  if (!existsSync(file)) {
    throw new StackError(`There is no file ${file}.`);
  }
  const isEmpty = !(await hasTables(owner));
  if (!isEmpty && !replace) {
    const place = describePlace(owner.databaseUrl);
    throw new StackError(`${place} is not empty. To replace all it holds by the backup, add --yes.`);
  }
  const programs = await findClientPrograms(context, owner.databaseUrl, { writes: true });
  // Read to its end first: a file that was cut off is found out before hours of work.
  await run(pathOf(programs, 'pg_restore'), ['--file=/dev/null', file], {
    log: join(context.logDir, 'pg_restore.log'),
    env: { PATH: context.environment.PATH },
    failure: `${file} is not a whole backup.`,
  });
  await restoreAtOnce(context, programs, owner.databaseUrl, { file, options: contentAlone, replace: !isEmpty });
  await migrate({ ...owner, direction: 'up' });
}
