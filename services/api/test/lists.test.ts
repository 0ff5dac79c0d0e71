import { randomUUID } from 'node:crypto';
import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { acceptDocument, failJob } from '@millrace/lifecycle';
import { testReading } from '@millrace/test-support';
import {
  acceptedDocument,
  claimedJob,
  endedDocument,
  newCollection,
  newDocument,
} from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

type Item = Record<string, unknown> & { id: string };

async function page(path: string): Promise<{ items: Item[]; cursor: string | null }> {
  const response = await api.client.get(`/api/v1/${path}`);
  expect(response.status).toBe(200);
  const { next_cursor, ...lists } = response.body;
  const [items = []] = Object.values(lists) as Item[][];
  return { items, cursor: next_cursor };
}

/** Reads all pages of a list, or those after a cursor. */
async function idsOf(path: string, after = ''): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = after; cursor !== null; ) {
    const next = await page(`${path}${cursor && `&cursor=${cursor}`}`);
    ids.push(...next.items.map((item) => item.id));
    ({ cursor } = next);
  }
  return ids;
}

/** Makes a document with this name in a collection of its own. */
async function named(filename: string): Promise<string> {
  const document = newDocument({ filename, collectionId: await newCollection(database) });
  await acceptDocument(database, document, {
    jobId: newId(),
    jobMaxRetries: 3,
    chunkMaxRetries: 3,
    reading: testReading,
  });
  return document.id;
}

/** Makes a document that cannot be read. */
async function unreadable(collectionId: string) {
  const made = await acceptedDocument(database, { collectionId });
  await failJob(database, await claimedJob(database, made.jobId), new MillraceError('PDF_CORRUPT'));
  return made;
}

describe('A list of documents', () => {
  test('When it has several pages, then they have each document once, the newest first, though others come and go', async () => {
    const collectionId = await newCollection(database);
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      made.unshift((await acceptedDocument(database, { collectionId })).documentId);
    }
    // Two that were made in the same microsecond.
    await database.sql.none(
      'UPDATE documents SET created_at = (SELECT created_at FROM documents WHERE id = $1) WHERE id = $2',
      [made[1], made[2]],
    );
    const first = await page(`documents?collection_id=${collectionId}&limit=2`);
    await database.sql.none('DELETE FROM documents WHERE id = $1', [made[1]]);
    const newer = await acceptedDocument(database, { collectionId });
    const rest = await idsOf(`documents?collection_id=${collectionId}&limit=2`, first.cursor ?? '');
    const seen = [...first.items.map((item) => item.id), ...rest];
    expect([...seen].sort()).toEqual([...made].sort());
    expect(seen).not.toContain(newer.documentId);
    expect(seen[0]).toBe(made[0]);
  });

  test('When it is filtered by status and code, then it has what fits all filters, with the reason', async () => {
    const collectionId = await newCollection(database);
    const ready = await endedDocument(database, 1, { collectionId });
    const partial = await endedDocument(database, 2, { collectionId, failures: { 0: 'EMBEDDING_REJECTED' } });
    const failed = await unreadable(collectionId);
    const list = (query: string) => idsOf(`documents?collection_id=${collectionId}&${query}`);
    expect(await list('status=ready')).toEqual([ready.documentId]);
    expect(await list('status=failed,partial')).toEqual([failed.documentId, partial.documentId]);
    expect(await list('status=failed&status=ready')).toEqual([failed.documentId, ready.documentId]);
    expect(await list('error_code=EMBEDDING_REJECTED')).toEqual([partial.documentId]);
    expect(await list('error_code=EMBEDDING_REJECTED&status=failed')).toEqual([]);
    const { items } = await page(`documents?collection_id=${collectionId}&status=failed`);
    expect(items).toMatchObject([{ status: 'failed', error: { code: 'PDF_CORRUPT', advice: expect.any(String) } }]);
  });

  test('When it is filtered by file name, then the words of the filter are the beginnings of words of the name', async () => {
    const report = await named('Annual-Report_2025 (final).PDF');
    const letter = await named("Ärger & Co's letter.pdf");
    const list = (filename: string) => idsOf(`documents?filename=${encodeURIComponent(filename)}`);
    expect(await list('annual report')).toEqual([report]);
    expect(await list('2025 REP')).toEqual([report]);
    expect(await list('annual-report_2025 (final).pdf')).toEqual([report]);
    expect(await list('nual')).toEqual([]);
    expect(await list('annual letter')).toEqual([]);
    expect(await list('ärger')).toEqual([letter]);
    expect(await list("co's")).toEqual([letter]);
    expect(await list("x' | 'annual")).toEqual([]);
  });

  test('When it is filtered by time, then its beginning belongs to it and its end does not', async () => {
    const collectionId = await newCollection(database);
    const { documentId } = await acceptedDocument(database, { collectionId });
    await database.sql.none(`UPDATE documents SET created_at = '2026-03-01T00:00:00Z' WHERE id = $1`, [documentId]);
    const list = (query: string) => idsOf(`documents?collection_id=${collectionId}&${query}`);
    expect(await list('created_after=2026-03-01')).toEqual([documentId]);
    expect(await list('created_before=2026-03-01')).toEqual([]);
    expect(await list('created_after=2026-03-01T01:00:00%2B01:00&created_before=2026-03-02')).toEqual([documentId]);
  });
});

describe('A list of jobs', () => {
  test('When an operator asks what failed today, then one request tells the files and the reasons', async () => {
    const collectionId = await newCollection(database);
    await endedDocument(database, 1, { collectionId });
    await acceptedDocument(database, { collectionId });
    const yesterday = await unreadable(collectionId);
    await database.sql.none(`UPDATE jobs SET finished_at = now() - interval '1 day' WHERE id = $1`, [yesterday.jobId]);
    const partial = await endedDocument(database, 2, { collectionId, failures: { 0: 'EMBEDDING_REJECTED' } });
    const failed = await unreadable(collectionId);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const query = `status=failed,completed_with_errors&finished_after=${since}&collection_id=${collectionId}`;
    const { items } = await page(`jobs?${query}`);
    expect(items).toMatchObject([
      { id: failed.jobId, filename: 'test.pdf', collection_id: collectionId, error: { code: 'PDF_CORRUPT' } },
      { id: partial.jobId, document_id: partial.documentId, error: { code: 'EMBEDDING_REJECTED' } },
    ]);
    expect(await idsOf(`jobs?${query}&limit=1`)).toEqual([failed.jobId, partial.jobId]);
    expect(await idsOf(`jobs?${query}&error_code=PDF_CORRUPT`)).toEqual([failed.jobId]);
    expect(await idsOf(`jobs?document_id=${yesterday.documentId}&finished_before=${since}`)).toEqual([yesterday.jobId]);
    expect(await idsOf(`jobs?document_id=${failed.documentId}&kind=reread`)).toEqual([]);
    expect(await idsOf(`jobs?document_id=${failed.documentId}&filename=test&kind=ingest`)).toEqual([failed.jobId]);
  });
});

describe('A query of a list', () => {
  const place = (text: string) => Buffer.from(text).toString('base64url');

  test.each([
    ['documents?status=red', 'status.0'],
    ['documents?status=', 'status.0'],
    ['documents?error_code=nope', 'error_code.0'],
    ['documents?collection_id=mine', 'collection_id'],
    ['documents?created_after=yesterday', 'created_after'],
    ['documents?created_after=2026-02-30', 'created_after'],
    ['documents?created_before=0000-01-01', 'created_before'],
    ['documents?filename=', 'filename'],
    ['documents?filename=--', 'filename'],
    ['documents?filename=a%00b', 'filename'],
    ['documents?limit=0', 'limit'],
    ['documents?limit=501', 'limit'],
    ['documents?cursor=rubbish', 'cursor'],
    [`documents?cursor=${place('after:7')}`, 'cursor'],
    [`documents?cursor=${place(`at:-1:${randomUUID()}`)}`, 'cursor'],
    [`documents?cursor=${place(`at:1:${'-'.repeat(36)}`)}`, 'cursor'],
    ['documents?statsu=failed', ''],
    ['jobs?kind=index', 'kind.0'],
    ['jobs?finished_before=1969-12-31', 'finished_before'],
    ['jobs?cursor=', 'cursor'],
  ])('When it is %s, then REQUEST_INVALID names %s', async (query, path) => {
    const response = await api.client.get(`/api/v1/${query}`);
    expect(response).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', errors: [{ path }] } });
  });

  test('When it names a collection or document that does not exist, then the answer says so', async () => {
    const code = async (path: string) => (await api.client.get(`/api/v1/${path}`)).body.code;
    expect(await code(`documents?collection_id=${randomUUID()}`)).toBe('COLLECTION_NOT_FOUND');
    expect(await code(`jobs?document_id=${randomUUID()}`)).toBe('DOCUMENT_NOT_FOUND');
  });
});
