import { newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { storeChunks } from '@millrace/lifecycle';
import { newJobChunk } from '@millrace/test-support';
import { claimAndSettle, claimedJob, newPage } from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

let externalId: string;
beforeEach(() => {
  externalId = `handbook/${newId()}`;
});

interface Uploaded {
  status: number;
  duplicate: boolean;
  document: { id: string; version: number; is_current: boolean; external_id: string | null };
  job: { id: string };
}

/** Uploads a text under the external id. */
async function upload(text: string, fields: Record<string, string> = { external_id: externalId }): Promise<Uploaded> {
  const post = api.client.post('/api/v1/documents');
  for (const [name, value] of Object.entries(fields)) {
    post.field(name, value);
  }
  const response = await post.attach('file', Buffer.from(text), 'a.txt');
  return { status: response.status, ...response.body };
}

/** Reads an uploaded document into chunks. @returns the ids of its job chunks. */
async function read({ job }: Uploaded, texts: string[]): Promise<string[]> {
  const chunks = texts.map((text, i) => newJobChunk(i, text));
  const pages = chunks.map((_, i) => newPage(i + 1));
  await storeChunks(database, await claimedJob(database, job.id), { title: null, pages, chunks });
  return chunks.map(({ id }) => id);
}

/** Uploads, reads and embeds a version with two chunks. */
async function readyVersion(text: string): Promise<Uploaded> {
  const uploaded = await upload(text);
  await claimAndSettle(database, await read(uploaded, [`${text} one`, `${text} two`]));
  return uploaded;
}

const search = async (body: object) => {
  const response = await api.client.post('/api/v1/search').send({ query: 'text', limit: 100, ...body });
  return (response.body.hits as { text: string; version: number }[])
    .map(({ text, version }) => `${version}: ${text}`)
    .sort();
};
const listed = async (query: string) => {
  const { body } = await api.client.get(`/api/v1/documents?external_id=${encodeURIComponent(externalId)}${query}`);
  return (body.documents as { version: number }[]).map(({ version }) => version);
};

describe('A document with an external id', () => {
  test('When it is uploaded, then it is version 1, and the same file again is a duplicate', async () => {
    const first = await upload('a');
    expect(first).toMatchObject({ status: 202, duplicate: false });
    expect(first.document).toMatchObject({ external_id: externalId, version: 1, is_current: true });
    expect(await upload('a')).toMatchObject({ status: 200, duplicate: true, document: { id: first.document.id } });
  });

  test('When the external id is in the query of a raw body, then it counts too', async () => {
    const { body } = await api.client
      .post(`/api/v1/documents?external_id=${encodeURIComponent(externalId)}`)
      .set('Content-Type', 'text/plain')
      .send('a');
    expect(body.document).toMatchObject({ external_id: externalId, version: 1 });
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(513)],
    ['with a line break', 'a\nb'],
    ['with a NUL character', 'a\0b'],
  ])('When the external id is %s, then the upload is refused', async (_what, refused) => {
    expect(await upload('a', { external_id: refused })).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  test('When it has 512 characters of any language, then it is taken', async () => {
    const long = '\u{1F4C4}'.repeat(511) + newId().slice(-1);
    expect(await upload(newId(), { external_id: long })).toMatchObject({ document: { external_id: long } });
  });

  test('When uploads have no external id, then equal content is one document, whatever external ids have it', async () => {
    const text = newId();
    const named = await upload(text);
    const unnamed = await upload(text, {});
    expect(unnamed).toMatchObject({ status: 202, document: { external_id: null, version: 1, is_current: true } });
    expect(unnamed.document.id).not.toBe(named.document.id);
    expect(await upload(text, {})).toMatchObject({ status: 200, document: { id: unnamed.document.id } });
  });
});

describe('While a new version is embedded', () => {
  test('then searches see the old one whole, and from its end on the new one whole', async () => {
    const old = await readyVersion('old text');
    const next = await upload('new text');
    expect(next).toMatchObject({ status: 202, document: { version: 2, is_current: false } });
    const [first = '', second = ''] = await read(next, ['new text one', 'new text two']);
    const searches = [
      { external_id: externalId },
      {},
      { collection_id: (await database.documents.find(old.document.id))?.collectionId },
    ];
    const found = async () =>
      Promise.all(
        searches.map(async (body) => (await search(body)).filter((hit) => / (old|new) text (one|two)$/.test(hit))),
      );
    const oldWhole = ['1: old text one', '1: old text two'];
    const newWhole = ['2: new text one', '2: new text two'];
    expect(await found()).toEqual([oldWhole, oldWhole, oldWhole]);
    await claimAndSettle(database, [first]);
    expect(await found()).toEqual([oldWhole, oldWhole, oldWhole]);
    await claimAndSettle(database, [second]);
    expect(await found()).toEqual([newWhole, newWhole, newWhole]);
    // A version that is named is searched and read whether it is current or not.
    expect(await search({ document_id: old.document.id })).toEqual(oldWhole);
    const { body } = await api.client.get(`/api/v1/documents/${old.document.id}/chunks`);
    expect(body.chunks).toHaveLength(2);
  });

  test('then lists have the current version, and all versions on request', async () => {
    await readyVersion('old');
    await upload('new');
    expect(await listed('')).toEqual([1]);
    expect(await listed('&versions=all')).toEqual([2, 1]);
    expect(await listed('&versions=all&status=queued')).toEqual([2]);
  });
});

describe('The versions of a document', () => {
  test('are listed from any of them, page by page, and can be brought back', async () => {
    const first = await readyVersion('first');
    const second = await readyVersion('second');
    const { body: page } = await api.client.get(`/api/v1/documents/${first.document.id}/versions?limit=1`);
    expect(page.versions).toMatchObject([{ id: second.document.id, version: 2, is_current: true }]);
    const { body: rest } = await api.client.get(
      `/api/v1/documents/${first.document.id}/versions?limit=1&cursor=${page.next_cursor}`,
    );
    expect(rest).toMatchObject({
      external_id: externalId,
      versions: [{ version: 1, is_current: false }],
      next_cursor: null,
    });

    const restored = await api.client.post(`/api/v1/documents/${first.document.id}/restore`);
    expect(restored).toMatchObject({ status: 200, body: { version: 3, is_current: true } });
    expect(await search({ external_id: externalId })).toEqual(['3: first one', '3: first two']);
    const { body: actions } = await api.client.get(`/api/v1/actions?kind=restore&document_id=${first.document.id}`);
    expect(actions.actions).toHaveLength(1);
  });

  test('When one was never read, then it cannot be brought back', async () => {
    await readyVersion('first');
    const second = await upload('second');
    const refused = await api.client.post(`/api/v1/documents/${second.document.id}/restore`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'VERSION_NOT_SEARCHABLE' } });
  });

  test('When the current one is deleted, then all are gone', async () => {
    const first = await readyVersion('first');
    const second = await readyVersion('second');
    expect((await api.client.delete(`/api/v1/documents/${second.document.id}`)).status).toBe(204);
    expect((await api.client.get(`/api/v1/documents/${first.document.id}`)).status).toBe(404);
    expect(await search({ external_id: externalId })).toEqual([]);
  });
});
