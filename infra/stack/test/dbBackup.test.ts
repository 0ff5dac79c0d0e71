import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrationNames } from '@millrace/database';
import { dbCommand } from '../src/commands/db';
import { chooseClientPrograms, findClientPrograms } from '../src/database/clientPrograms';
import { restoreAtOnce } from '../src/database/restoreAtOnce';
import { contextFor, dropDatabases, fill, newDatabase, rowsOf, serviceUrlOf } from './databases';
import { cleanUp, makeFolder } from './helpers';

afterAll(async () => {
  await dropDatabases();
  await cleanUp();
});

/** Everything the database holds, the vectors as the bytes they are. */
async function contentOf(url: string): Promise<Record<string, unknown>> {
  const tables = await rowsOf<{ name: string }>(
    url,
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  const content: Record<string, unknown> = {
    vectors: await rowsOf(
      url,
      `SELECT id, encode(vector_send(embedding), 'hex') AS bytes FROM document_chunks ORDER BY id`,
    ),
  };
  for (const { name } of tables) {
    content[name] = await rowsOf(url, `SELECT to_jsonb(t) AS row FROM ${name} t ORDER BY to_jsonb(t)::text`);
  }
  return content;
}

const indexesOf = (url: string) =>
  rowsOf(url, `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`);

describe('db backup and restore', () => {
  test('When a backup is restored elsewhere, then every row, vector byte and index is as it was', async () => {
    const source = await newDatabase();
    await fill(source.url, 3, 20);
    const file = join(makeFolder(), 'kept', 'millrace.dump');
    const context = contextFor(source);
    expect(await dbCommand(context, ['backup', file])).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.unfinished`)).toBe(false);

    const target = await newDatabase({ empty: true });
    expect(await dbCommand(contextFor(target), ['restore', file])).toBe(0);
    const before = await contentOf(source.url);
    expect(before.vectors).toHaveLength(60);
    expect(await contentOf(target.url)).toEqual(before);
    expect(await indexesOf(target.url)).toEqual(await indexesOf(source.url));
    const log = readFileSync(join(context.logDir, 'pg_dump.log'), 'utf8');
    expect(log).not.toContain(new URL(source.url).password);
  });

  test('When the database is not empty, then a restore refuses, and with --yes replaces what is there', async () => {
    const source = await newDatabase();
    await fill(source.url, 1, 2);
    const file = join(makeFolder(), 'one.dump');
    await dbCommand(contextFor(source), ['backup', file]);
    const target = await newDatabase();
    await fill(target.url, 3, 1);
    const before = await contentOf(target.url);
    await expect(dbCommand(contextFor(target), ['restore', file])).rejects.toThrow(/not empty.*--yes/);
    expect(await contentOf(target.url)).toEqual(before);
    const context = contextFor(target);
    await dbCommand(context, ['roles']);
    await dbCommand(context, ['restore', file, '--yes']);
    expect((await contentOf(target.url)).vectors).toEqual((await contentOf(source.url)).vectors);
    expect(await rowsOf(serviceUrlOf(context), 'DELETE FROM document_chunks RETURNING id')).toHaveLength(2);
  });

  test.each([
    ['cut off', (file: string) => truncateSync(file, statSync(file).size - 2_000)],
    ['something else', (file: string) => writeFileSync(file, 'no backup')],
  ])('When the file is %s, then it is refused before anything is deleted', async (_, spoil) => {
    const database = await newDatabase();
    await fill(database.url, 1, 10);
    const file = join(makeFolder(), 'spoilt.dump');
    await dbCommand(contextFor(database), ['backup', file]);
    spoil(file);
    const before = await contentOf(database.url);
    await expect(dbCommand(contextFor(database), ['restore', file, '--yes'])).rejects.toThrow(/not a whole backup/);
    expect(await contentOf(database.url)).toEqual(before);
  });

  test('When somebody has made tables and views beside ours, then they are restored as well', async () => {
    const database = await newDatabase();
    await fill(database.url, 1, 2);
    await rowsOf(
      database.url,
      `CREATE TABLE notes (id serial PRIMARY KEY, text text);
       INSERT INTO notes (text) VALUES ('kept');
       CREATE VIEW named AS SELECT filename FROM documents;
       CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM named`,
    );
    const file = join(makeFolder(), 'with-notes.dump');
    await dbCommand(contextFor(database), ['backup', file]);
    const before = await contentOf(database.url);
    await rowsOf(database.url, `UPDATE notes SET text = 'changed'`);
    await dbCommand(contextFor(database), ['restore', file, '--yes']);
    expect(await contentOf(database.url)).toEqual(before);
    expect(await rowsOf(database.url, 'SELECT filename FROM named')).toHaveLength(1);
  });

  test.each([
    ['brings what is there in another schema', 'CREATE SCHEMA reports', ''],
    [
      'brings large objects, which pg_restore commits by themselves if it may, and then what is there',
      `SELECT lo_from_bytea(4711, 'large'); CREATE PUBLICATION reports FOR ALL TABLES`,
      'SELECT lo_unlink(4711)',
    ],
    [
      'would delete what a view outside reads',
      '',
      'CREATE SCHEMA reports; CREATE VIEW reports.names AS SELECT filename FROM documents',
    ],
  ])('When a whole backup %s, then the restore fails and leaves everything as it was', async (_, before, after) => {
    const database = await newDatabase();
    await fill(database.url, 2, 5);
    await rowsOf(database.url, before);
    const file = join(makeFolder(), 'failing.dump');
    await dbCommand(contextFor(database), ['backup', file]);
    await rowsOf(database.url, `UPDATE documents SET filename = 'changed since'; ${after}`);
    const [content, indexes] = [await contentOf(database.url), await indexesOf(database.url)];
    const restoring = dbCommand(contextFor(database), ['restore', file, '--yes']);
    await expect(restoring).rejects.toThrow(/the database is as it was.*reports/s);
    expect(await contentOf(database.url)).toEqual(content);
    expect(await indexesOf(database.url)).toEqual(indexes);
  });

  test('When pg_restore breaks off in the middle, then nothing of it is there', async () => {
    const database = await newDatabase();
    await fill(database.url, 2, 20);
    const file = join(makeFolder(), 'breaking.dump');
    const context = contextFor(database);
    await dbCommand(context, ['backup', file]);
    truncateSync(file, statSync(file).size - 2_000);
    const before = await contentOf(database.url);
    const programs = await findClientPrograms(context, database.url);
    const restoring = restoreAtOnce(context, programs, database.url, { file, options: ['--no-owner'], replace: true });
    await expect(restoring).rejects.toThrow(/the database is as it was.*pg_restore ended with code 1/s);
    expect(await contentOf(database.url)).toEqual(before);
  });

  test('When the backup is of an older version, then the migrations since are run', async () => {
    const source = await newDatabase();
    await dbCommand(contextFor(source), ['rollback', '2', '--yes']);
    const file = join(makeFolder(), 'older.dump');
    await dbCommand(contextFor(source), ['backup', file]);
    const target = await newDatabase({ empty: true });
    await dbCommand(contextFor(target), ['restore', file]);
    const names = await rowsOf<{ name: string }>(target.url, 'SELECT name FROM pgmigrations ORDER BY name');
    expect(names.map((row) => row.name)).toEqual(migrationNames());
  });

  test('When the file is there already, or cannot be made, then it is said and nothing is left', async () => {
    const database = await newDatabase();
    const file = join(makeFolder(), 'kept.dump');
    writeFileSync(file, 'precious');
    await expect(dbCommand(contextFor(database), ['backup', file])).rejects.toThrow(/never written over/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await expect(dbCommand(contextFor(database), ['restore', `${file}.missing`])).rejects.toThrow(/no file/);
  });
});

describe('The client programs for a server', () => {
  const installed = [14, 18, 16].map((major) => ({ folder: `/opt/${major}/bin`, major }));

  test('When there are those of its version, or newer or older ones alone, then the nearest are taken', () => {
    const chosenFor = (serverMajor: number) => chooseClientPrograms(installed, serverMajor, { writes: false }).major;
    expect([14, 15, 16, 17, 19].map(chosenFor)).toEqual([14, 16, 16, 18, 18]);
  });

  test('When they send what an older server refuses, then a backup is taken and a restore refused', () => {
    const newest = installed.slice(1, 2);
    expect(chooseClientPrograms(newest, 16, { writes: false }).major).toBe(18);
    expect(chooseClientPrograms(newest, 17, { writes: true }).major).toBe(18);
    expect(() => chooseClientPrograms(newest, 16, { writes: true })).toThrow(/PostgreSQL 16.*postgresql-client-16/);
  });

  test('When there are none, then it is said what to install', () => {
    expect(() => chooseClientPrograms([], 15, { writes: false })).toThrow(/not installed.*postgresql-client-15/);
  });
});
