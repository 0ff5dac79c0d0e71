import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describeEnd, fileSize, lastLines, type StackContext, StackError } from '@millrace/stack';
import { type ClientPrograms, connectionOf, pathOf } from './clientPrograms';

/**
 * Drops the views, tables, sequences and functions of the schema public that belong to no extension. It does not use CASCADE:
 * objects outside that depend on them must not be deleted, so they make the whole restore fail.
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
      -- A view that reads another view is the newer one, so it is dropped first.
      SELECT 1 AS step, -oid::bigint AS place, format('DROP VIEW %s', name) AS text FROM relation WHERE relkind = 'v'
      UNION ALL
      SELECT 1, -oid::bigint, format('DROP MATERIALIZED VIEW %s', name) FROM relation WHERE relkind = 'm'
      UNION ALL
      -- One statement for all tables, since they refer to each other.
      SELECT 2, 0, 'DROP TABLE ' || string_agg(name, ', ') FROM relation WHERE relkind IN ('r', 'p')
      HAVING count(*) > 0
      UNION ALL
      SELECT 3, 0, format('DROP SEQUENCE %s', name) FROM relation WHERE relkind = 'S'
      UNION ALL
      SELECT 4, -p.oid::bigint, format('DROP ROUTINE public.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
      FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    )
    SELECT text FROM dropping ORDER BY step, place
  LOOP
    EXECUTE statement;
  END LOOP;
END
$$;
`;

/**
 * Runs the statements of a backup in one transaction. When anything fails or is killed, the database is unchanged.
 * @param options.options options of pg_restore
 * @param options.replace the content of the schema public is dropped in the same transaction
 * @throws StackError with the output of the programs
 */
export async function restoreInOneTransaction(
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
    // --single-transaction: without it pg_restore commits after each large object. Its BEGIN does nothing inside our
    // transaction. Its COMMIT is its last line, so an input that ends early undoes everything.
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
    // Both are pipes, as stdio says.
    const [stdout, stdin] = [source.stdout as Readable, target.stdin as Writable];
    // psql stops reading when it fails. Its outcome says why.
    stdin.on('error', () => undefined);
    stdin.write(replace ? `BEGIN;\n${emptyPublic}` : '');
    await pipeline(stdout, stdin).catch(() => undefined);
    outcomes.push(...(await Promise.all(ends)));
  } finally {
    closeSync(handle);
  }
  const faults = outcomes.filter((outcome) => outcome !== '');
  if (faults.length > 0) {
    throw new StackError(
      `The backup could not be restored. The database is unchanged.\n${lastLines(log, 15, offset)}\n` +
        `${faults.join('\n')}\nThe whole output is in ${log}.`,
    );
  }
}

/** Says how the program failed. The text is empty when it did not. */
function endOf(name: string, child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be started: ${error.message}.`));
    child.once('exit', (code, signal) => resolve(code === 0 ? '' : `${name} ${describeEnd(code, signal)}.`));
  });
}
