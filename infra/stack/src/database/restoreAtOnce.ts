import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type StackContext, StackError } from '../context';
import { fileSize, lastLines } from '../files';
import { type ClientPrograms, connectionOf, pathOf } from './clientPrograms';

/**
 * Drops the views, tables and sequences of the schema public that belong to no extension. Not with CASCADE: what hangs
 * on them from outside is not ours to delete, and has the whole restore fail instead.
 */
const emptyPublic = `
DO $$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    WITH relation AS (
      SELECT c.oid, c.relkind, format('%I.%I', 'public', c.relname) AS name
      FROM pg_class c
      WHERE c.relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                          -- A column's own sequence goes with its table.
                          AND (d.deptype = 'e' OR (c.relkind = 'S' AND d.deptype IN ('a', 'i'))))
    ), dropping AS (
      -- A view may read another one, which is then older.
      SELECT 1 AS step, -oid::bigint AS place, format('DROP VIEW %s', name) AS text FROM relation WHERE relkind = 'v'
      UNION ALL
      SELECT 1, -oid::bigint, format('DROP MATERIALIZED VIEW %s', name) FROM relation WHERE relkind = 'm'
      UNION ALL
      -- All in one statement, since they refer to each other.
      SELECT 2, 0, 'DROP TABLE ' || string_agg(name, ', ') FROM relation WHERE relkind IN ('r', 'p')
      HAVING count(*) > 0
      UNION ALL
      SELECT 3, 0, format('DROP SEQUENCE %s', name) FROM relation WHERE relkind = 'S'
    )
    SELECT text FROM dropping ORDER BY step, place
  LOOP
    EXECUTE statement;
  END LOOP;
END
$$;
`;

/**
 * Runs a backup's statements in one transaction: whatever fails or is killed, the database stays as it was.
 * @param options of pg_restore
 * @param replace what the schema public holds is dropped in the same transaction
 * @throws StackError with what the programs said
 */
export async function restoreAtOnce(
  context: StackContext,
  programs: ClientPrograms,
  databaseUrl: string,
  { file, options, replace }: { file: string; options: readonly string[]; replace: boolean },
): Promise<void> {
  const log = join(context.logDir, 'pg_restore.log');
  const offset = fileSize(log);
  const handle = openSync(log, 'a');
  const { args, env } = connectionOf(context, databaseUrl);
  const outcomes: string[] = [];
  try {
    writeSync(handle, `$ pg_restore ${file} | psql ${args.join(' ')}\n`);
    // Its BEGIN finds ours; its COMMIT is the last that it writes, so that psql's input without it undoes everything. Left
    // to itself, it commits when it has come to large objects.
    const source = spawn(pathOf(programs, 'pg_restore'), ['--file=-', '--single-transaction', ...options, file], {
      stdio: ['ignore', 'pipe', handle],
      env: { PATH: context.environment.PATH },
    });
    const target = spawn(
      pathOf(programs, 'psql'),
      [...args, '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--output=/dev/null', '--file=-'],
      { stdio: ['pipe', handle, handle], env },
    );
    const ends = [endOf('pg_restore', source), endOf('psql', target)];
    // Pipes, as their stdio says.
    const [stdout, stdin] = [source.stdout as Readable, target.stdin as Writable];
    // When psql gives up it reads no further; why is in its outcome.
    stdin.on('error', () => undefined);
    stdin.write(replace ? `BEGIN;\n${emptyPublic}` : '');
    await pipeline(stdout, stdin).catch(() => undefined);
    outcomes.push(...(await Promise.all(ends)));
  } finally {
    closeSync(handle);
  }
  const said = outcomes.filter((outcome) => outcome !== '');
  if (said.length > 0) {
    throw new StackError(
      `The backup could not be restored; the database is as it was.\n${lastLines(log, 15, offset)}\n` +
        `${said.join('\n')}\nThe whole output is in ${log}`,
    );
  }
}

/** @returns how the program failed; empty when it did not. */
function endOf(name: string, child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(code === 0 ? '' : `${name} ended with ${signal ?? `code ${code}`}.`));
  });
}
