import { missingPgBouncer, PgBouncer } from '@millrace/test-support';
import { checkSetup, makeRoles, migrate, migrationNames, ReEmbedding } from '../src';
import { ModelChange, old, wanted } from './modelChange';

let change: ModelChange;
beforeEach(async () => {
  change = await ModelChange.prepare();
});
afterEach(() => change.drop());

const migrations = () => ({ databaseUrl: change.url, embedding: old });

test('When the migration is undone during a re-embedding, then its jobs and new vectors are removed, and the rest stays', async () => {
  const { sql } = change.database;
  await change.addDocument(1);
  await change.reEmbedding.begin(wanted);
  const insertJob = (kind: string, reEmbedding: string) =>
    sql.none(
      `INSERT INTO jobs (id, document_id, kind, re_embedding_id, current_step, max_retries, chunk_max_retries,
         queue_job_id, dispatch_count)
       SELECT gen_random_uuid(), id, $<kind>, (${reEmbedding}), '', 1, 1, '', 1 FROM documents`,
      { kind },
    );
  await insertJob('ingest', 'NULL');
  await insertJob('re-embed', 'SELECT id FROM re_embeddings');
  await expect(insertJob('re-embed', 'NULL')).rejects.toMatchObject({ code: '23514' });
  const names = migrationNames();
  await migrate({ ...migrations(), direction: 'down', count: names.length - names.indexOf('0010_re-embedding') });
  expect(await change.isThere('document_chunks_next')).toBe(false);
  expect(await sql.many('SELECT kind FROM jobs')).toEqual([{ kind: 'ingest' }]);
  expect(await change.chunks()).toHaveLength(1);
});

test('When vectors are being changed to the configured model, then the start-up check passes before the change', async () => {
  const { sql } = change.database;
  await expect(checkSetup(sql, wanted)).rejects.toMatchObject({ code: 'SETUP_INVALID' });
  await change.reEmbedding.begin(wanted);
  await expect(checkSetup(sql, wanted)).resolves.toEqual(expect.any(Array));
  await change.reEmbedding.cancel({ kind: 'cli' });
  await expect(checkSetup(sql, wanted)).rejects.toMatchObject({ code: 'SETUP_INVALID' });
  await expect(checkSetup(sql)).resolves.toEqual(expect.any(Array));
});

test('When the next model is configured, then the start-up check passes before and after the change', async () => {
  const { sql } = change.database;
  await expect(checkSetup(sql, old, wanted)).resolves.toEqual(expect.any(Array));
  await change.reEmbedding.begin(wanted);
  await change.reEmbedding.buildIndexes(await change.running(), {});
  await change.reEmbedding.change(await change.running());
  await expect(checkSetup(sql, old, wanted)).resolves.toEqual(expect.any(Array));
  await expect(checkSetup(sql, old)).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringMatching(/EMBEDDING_DIMENSIONS is 768.*vectors of 256.*re-embed start/),
  });
  // The migrations do not restore the old model, because it has other dimensions.
  await migrate({ ...migrations(), direction: 'up' });
  const { model, dimensions } = wanted;
  expect(await sql.one('SELECT model, dimensions FROM embedding_settings')).toEqual({ model, dimensions });
});

describe('Beginning to change the model', () => {
  test('When it is begun again, then it continues; another model, or the current one, is refused', async () => {
    expect(await change.reEmbedding.begin(wanted)).toBe('begun');
    expect(await change.reEmbedding.begin(wanted)).toBe('under way');
    await expect(change.reEmbedding.begin({ ...wanted, dimensions: 512 })).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringMatching(/new-model \(256 dimensions\), not new-model \(512 dimensions\).*cancel/),
    });
    expect(await change.reEmbedding.cancel({ kind: 'cli' })).toMatchObject(wanted);
    await expect(change.reEmbedding.begin(old)).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: 'The vectors are of old-model (768 dimensions) already.',
    });
  });

  test.each([
    ['CREATE VIEW texts AS SELECT content FROM document_chunks', /view texts/],
    ['CREATE TABLE notes (chunk_id uuid REFERENCES document_chunks)', /constraint notes_chunk_id_fkey on table notes/],
    [
      'ALTER TABLE document_chunks ADD COLUMN previous uuid REFERENCES document_chunks',
      /document_chunks_previous_fkey/,
    ],
    [
      `CREATE FUNCTION first_chunk() RETURNS document_chunks LANGUAGE sql AS 'SELECT c FROM document_chunks c LIMIT 1'`,
      /function first_chunk\(\)/,
    ],
  ])('When there is %s, then nothing begins, and the error names it', async (statement, named) => {
    await change.database.sql.none(statement);
    await expect(change.reEmbedding.begin(wanted)).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringMatching(named),
    });
    expect(await change.isThere('document_chunks_next')).toBe(false);
  });

  test('When an object was made later that refers to the table, then the change names it', async () => {
    await change.reEmbedding.begin(wanted);
    await change.database.sql.none('CREATE VIEW texts AS SELECT content FROM document_chunks');
    await expect(change.reEmbedding.change(await change.running())).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('view texts'),
    });
  });

  test('When the table has constraints, triggers and policies of its own, then the change succeeds', async () => {
    for (const statement of [
      `ALTER TABLE document_chunks ADD CHECK (content <> 'forbidden')`,
      'CREATE POLICY all_rows ON document_chunks USING (token_count > 0)',
      `CREATE TRIGGER unchanged BEFORE UPDATE ON document_chunks FOR EACH ROW WHEN (OLD.content = NEW.content)
       EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
    ]) {
      await change.database.sql.none(statement);
    }
    expect(await change.reEmbedding.begin(wanted)).toBe('begun');
  });

  test('When two processes begin at once, then it begins once', async () => {
    const other = new ReEmbedding(change.database, { databaseUrl: change.url });
    const outcomes = await Promise.allSettled([change.reEmbedding.begin(wanted), other.begin(wanted)]);
    expect(outcomes.filter((each) => each.status === 'fulfilled' && each.value === 'begun')).toHaveLength(1);
    expect(await change.database.sql.many('SELECT status FROM re_embeddings')).toEqual([{ status: 'running' }]);
  });

  const testBehindPooler = missingPgBouncer() ? test.skip : test;
  testBehindPooler("When the address is a pooler's in transaction mode, then nothing begins", async () => {
    const pooler = await PgBouncer.before(change.url, { sessions: 2 });
    const through = change.open(pooler.through(change.url));
    try {
      const behind = new ReEmbedding(through, { databaseUrl: pooler.through(change.url) });
      await expect(behind.begin(wanted)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining('DATABASE_MIGRATION_URL'),
      });
      expect(await change.isThere('document_chunks_next')).toBe(false);
    } finally {
      await through.close();
      await pooler.stop();
    }
  });
});

test('When the service role works on a re-embedding, then it may do that, and nothing that only the owner may do', async () => {
  const password = 'service-password-1';
  const { names } = await makeRoles({ databaseUrl: change.url, passwords: { service: password } });
  const documentId = await change.addDocument(1);
  await change.reEmbedding.begin(wanted);
  await change.reEmbedding.buildIndexes(await change.running(), {});
  const url = new URL(change.url);
  url.username = names.service;
  url.password = password;
  const service = change.open(url.toString());
  try {
    await change.addNext(documentId, [0], wanted, service);
    expect(await service.embeddingModels.find()).toMatchObject({ active: old, next: wanted });
    const asService = new ReEmbedding(service, { databaseUrl: url.toString() });
    const refused = { code: '42501' };
    await expect(asService.close(await change.running(), 1_000)).rejects.toMatchObject(refused);
    await expect(asService.change(await change.running())).rejects.toMatchObject(refused);
    await expect(asService.cancel({ kind: 'cli' })).rejects.toMatchObject(refused);
    await change.reEmbedding.cancel({ kind: 'cli' });
    await expect(asService.begin(wanted)).rejects.toMatchObject(refused);
  } finally {
    await service.close();
  }
});
