import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrationNames } from '@millrace/database';
import { dbCommand } from '../src/commands/db';
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

  test('When the backup is of an older version, then the migrations since are run', async () => {
    const source = await newDatabase();
    await dbCommand(contextFor(source), ['rollback', '2']);
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
