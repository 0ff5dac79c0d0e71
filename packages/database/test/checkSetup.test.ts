import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { checkSetup, migrationNames } from '../src';
import { embedding, runMigrations, withDatabase } from './migrating';

describe('The start-up check', () => {
  let testDatabase: TestDatabase;
  beforeEach(async () => {
    testDatabase = await createTestDatabase({ empty: true });
  });
  afterEach(() => testDatabase.drop());

  test('When the migrations have run, then the check passes', async () => {
    await runMigrations(testDatabase.url, 'up');
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await expect(checkSetup(sql, embedding)).resolves.toEqual(expect.any(Array));
    });
  });

  test('When no migration has run, then the check names the command', async () => {
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await expect(checkSetup(sql, embedding)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining('npm run services -- up'),
      });
    });
  });

  test('When a migration is missing, then the check names it', async () => {
    const latest = migrationNames().at(-1);
    await runMigrations(testDatabase.url, 'up');
    await runMigrations(testDatabase.url, 'down', { count: 1 });
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await expect(checkSetup(sql, embedding)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining(latest ?? 'no migration'),
      });
    });
  });

  test('When the column has other dimensions, then the check names both numbers', async () => {
    await runMigrations(testDatabase.url, 'up', { embedding: { ...embedding, dimensions: 512 } });
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await expect(checkSetup(sql, embedding)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringMatching(/EMBEDDING_DIMENSIONS is 768.*vectors of 512/),
      });
    });
  });

  test('When no vector is stored yet, then the migrations take another model, and the check alone does not', async () => {
    await runMigrations(testDatabase.url, 'up');
    await withDatabase(testDatabase.url, async ({ sql }) => {
      const another = { ...embedding, model: 'another-model' };
      await expect(checkSetup(sql, another)).rejects.toMatchObject({ code: 'SETUP_INVALID' });
      expect(await sql.one('SELECT model FROM embedding_settings')).toEqual({ model: embedding.model });
      await runMigrations(testDatabase.url, 'up', { embedding: { ...embedding, model: 'another-model' } });
      await expect(checkSetup(sql, another)).resolves.toEqual(expect.any(Array));
    });
  });

  test('When the prefixes or the context differ from the stored ones, then the check names both and the variables', async () => {
    const stored = { ...embedding, queryPrefix: 'query: ', documentPrefix: 'passage: ' };
    await runMigrations(testDatabase.url, 'up', { embedding: stored });
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await expect(checkSetup(sql, stored)).resolves.toEqual(expect.any(Array));
      const others = [embedding, { ...stored, documentPrefix: '' }, { ...stored, context: 'headings' as const }];
      for (const other of others) {
        await expect(checkSetup(sql, other)).rejects.toMatchObject({
          code: 'SETUP_INVALID',
          message: expect.stringMatching(
            /EMBEDDING_QUERY_PREFIX="query: ", EMBEDDING_DOCUMENT_PREFIX="passage: " and EMBEDDING_CONTEXT=none.*re-embed start/,
          ),
        });
      }
    });
  });

  test('When the extension is too old, then the check names the version that it needs', async () => {
    await runMigrations(testDatabase.url, 'up');
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await sql.none(`UPDATE pg_extension SET extversion = '0.5.1' WHERE extname = 'vector'`);
      await expect(checkSetup(sql, embedding)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringMatching(/0\.5\.1.*0\.8/),
      });
    });
  });

  test('When the extension is not safe, then the check passes with a warning, and the next migrations update it', async () => {
    await runMigrations(testDatabase.url, 'up');
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await sql.none(`UPDATE pg_extension SET extversion = '0.8.0' WHERE extname = 'vector'`);
      expect(await checkSetup(sql, embedding)).toEqual([expect.stringMatching(/0\.8\.0.*index rebuild/)]);
      await runMigrations(testDatabase.url, 'up');
      const { installed, available } = await sql.one<{ installed: string; available: string }>(
        `SELECT installed_version AS installed, default_version AS available FROM pg_available_extensions WHERE name = 'vector'`,
      );
      expect(installed).toBe(available);
    });
  });

  test('When vectors of another model are stored, then the check fails, also after the migrations', async () => {
    await runMigrations(testDatabase.url, 'up');
    await withDatabase(testDatabase.url, async ({ sql }) => {
      await sql.none(
        `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes)
         SELECT id, id, owner_id, 'a.pdf', repeat('0', 64), 'application/pdf', 1 FROM collections`,
      );
      await sql.none(
        `INSERT INTO document_chunks (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash,
           content, token_count, page_start, page_end)
         SELECT id, id, collection_id, owner_id, 0, 'a', 'a', 'text', 1, 1, 1 FROM documents`,
      );
      await runMigrations(testDatabase.url, 'up', { embedding: { ...embedding, model: 'another-model' } });
      await expect(checkSetup(sql, { ...embedding, model: 'another-model' })).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringMatching(/another-model.*test-model/),
      });
    });
  });
});
