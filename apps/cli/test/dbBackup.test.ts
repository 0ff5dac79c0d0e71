import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrationNames } from '@millrace/database';
import { chooseClientPrograms, findClientPrograms } from '../src/database/clientPrograms';
import { restoreInOneTransaction } from '../src/database/restore';
import { contextFor, dropDatabases, fill, newDatabase, rowsOf, serviceUrlOf } from './databases';
import { cleanUp, db, makeFolder } from './helpers';

afterAll(async () => {
  await dropDatabases();
  cleanUp();
});

/** Returns everything that the database holds. Vectors are returned as bytes. */
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
  test('When a backup is restored in another database, then every row, vector byte and index is the same', async () => {
    const source = await newDatabase();
    await fill(source.url, 3, 20);
    const file = join(makeFolder(), 'kept', 'millrace.dump');
    const context = contextFor(source);
    expect(await db(context, 'backup', file)).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.unfinished`)).toBe(false);

    const target = await newDatabase({ empty: true });
    expect(await db(contextFor(target), 'restore', file)).toBe(0);
    const before = await contentOf(source.url);
    expect(before.vectors).toHaveLength(60);
    expect(await contentOf(target.url)).toEqual(before);
    expect(await indexesOf(target.url)).toEqual(await indexesOf(source.url));
    const log = readFileSync(join(context.logDir, 'pg_dump.log'), 'utf8');
    expect(log).not.toContain(new URL(source.url).password);
  });

  test('When the database is not empty, then a restore refuses, and with --yes it replaces the content', async () => {
    const source = await newDatabase();
    await fill(source.url, 1, 2);
    const file = join(makeFolder(), 'one.dump');
    await db(contextFor(source), 'backup', file);
    const target = await newDatabase();
    await fill(target.url, 3, 1);
    const before = await contentOf(target.url);
    await expect(db(contextFor(target), 'restore', file)).rejects.toThrow(/not empty.*--yes/);
    expect(await contentOf(target.url)).toEqual(before);
    const context = contextFor(target);
    await db(context, 'roles');
    await db(context, 'restore', file, '--yes');
    expect((await contentOf(target.url)).vectors).toEqual((await contentOf(source.url)).vectors);
    expect(await rowsOf(serviceUrlOf(context), 'DELETE FROM document_chunks RETURNING id')).toHaveLength(2);
  });

  test.each([
    ['cut off', (file: string) => truncateSync(file, statSync(file).size - 2_000)],
    ['not a backup', (file: string) => writeFileSync(file, 'no backup')],
  ])('When the file is %s, then the restore refuses it before it deletes anything', async (_, damage) => {
    const database = await newDatabase();
    await fill(database.url, 1, 10);
    const file = join(makeFolder(), 'damaged.dump');
    await db(contextFor(database), 'backup', file);
    damage(file);
    const before = await contentOf(database.url);
    await expect(db(contextFor(database), 'restore', file, '--yes')).rejects.toThrow(/not a complete backup/);
    expect(await contentOf(database.url)).toEqual(before);
  });

  test('When the database has tables and views of other programs, then they are restored too', async () => {
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
    await db(contextFor(database), 'backup', file);
    const before = await contentOf(database.url);
    await rowsOf(database.url, `UPDATE notes SET text = 'changed'`);
    await db(contextFor(database), 'restore', file, '--yes');
    expect(await contentOf(database.url)).toEqual(before);
    expect(await rowsOf(database.url, 'SELECT filename FROM named')).toHaveLength(1);
  });

  test.each([
    ['has a schema that exists', 'CREATE SCHEMA reports', ''],
    [
      'has large objects, which pg_restore may commit one by one, and a publication that exists',
      `SELECT lo_from_bytea(4711, 'large'); CREATE PUBLICATION reports FOR ALL TABLES`,
      'SELECT lo_unlink(4711)',
    ],
    [
      'would delete a table that a view in another schema reads',
      '',
      'CREATE SCHEMA reports; CREATE VIEW reports.names AS SELECT filename FROM documents',
    ],
  ])('When a backup %s, then the restore fails and changes nothing', async (_, before, after) => {
    const database = await newDatabase();
    await fill(database.url, 2, 5);
    await rowsOf(database.url, before);
    const file = join(makeFolder(), 'failing.dump');
    await db(contextFor(database), 'backup', file);
    await rowsOf(database.url, `UPDATE documents SET filename = 'changed since'; ${after}`);
    const [content, indexes] = [await contentOf(database.url), await indexesOf(database.url)];
    const restoring = db(contextFor(database), 'restore', file, '--yes');
    await expect(restoring).rejects.toThrow(/The database is unchanged.*reports/s);
    expect(await contentOf(database.url)).toEqual(content);
    expect(await indexesOf(database.url)).toEqual(indexes);
  });

  test('When pg_restore ends in the middle, then the restore changes nothing', async () => {
    const database = await newDatabase();
    await fill(database.url, 2, 20);
    const file = join(makeFolder(), 'breaking.dump');
    const context = contextFor(database);
    await db(context, 'backup', file);
    truncateSync(file, statSync(file).size - 2_000);
    const before = await contentOf(database.url);
    const programs = await findClientPrograms(context, database.url);
    const restoring = restoreInOneTransaction(context, programs, database.url, {
      file,
      options: ['--no-owner'],
      replace: true,
    });
    await expect(restoring).rejects.toThrow(/The database is unchanged.*pg_restore ended with code 1/s);
    expect(await contentOf(database.url)).toEqual(before);
  });

  test('When the backup has an older schema, then the newer migrations are run', async () => {
    const source = await newDatabase();
    await db(contextFor(source), 'rollback', '2', '--yes');
    const file = join(makeFolder(), 'older.dump');
    await db(contextFor(source), 'backup', file);
    const target = await newDatabase({ empty: true });
    await db(contextFor(target), 'restore', file);
    const names = await rowsOf<{ name: string }>(target.url, 'SELECT name FROM pgmigrations ORDER BY name');
    expect(names.map((row) => row.name)).toEqual(migrationNames());
  });

  test('When the file of a backup exists, or the file of a restore is missing, then the command refuses', async () => {
    const database = await newDatabase();
    const file = join(makeFolder(), 'kept.dump');
    writeFileSync(file, 'precious');
    await expect(db(contextFor(database), 'backup', file)).rejects.toThrow(/never written over/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await expect(db(contextFor(database), 'restore', `${file}.missing`)).rejects.toThrow(/no file/);
  });
});

describe('The client programs for a server', () => {
  const installed = [14, 18, 16].map((major) => ({ folder: `/opt/${major}/bin`, major }));

  test('When several versions are installed, then the version of the server is chosen, otherwise the next newer one, otherwise the newest', () => {
    const chosenFor = (serverMajor: number) => chooseClientPrograms(installed, serverMajor, { writes: false }).major;
    expect([14, 15, 16, 17, 19].map(chosenFor)).toEqual([14, 16, 16, 18, 18]);
  });

  test('When they send a setting that the server refuses, then they may write a backup but not restore one', () => {
    const newest = installed.slice(1, 2);
    expect(chooseClientPrograms(newest, 16, { writes: false }).major).toBe(18);
    expect(chooseClientPrograms(newest, 17, { writes: true }).major).toBe(18);
    expect(() => chooseClientPrograms(newest, 16, { writes: true })).toThrow(/PostgreSQL 16.*postgresql-client-16/);
  });

  test('When none are installed, then the error says what to install', () => {
    expect(() => chooseClientPrograms([], 15, { writes: false })).toThrow(/not installed.*postgresql-client-15/);
  });
});
