import type { DocumentChunksResponse, DocumentPagesResponse, UploadResponse } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import { TestStack } from './support';

let millrace: TestStack;
beforeAll(async () => {
  millrace = await TestStack.start({ DOCUMENT_MAX_PAGES: '50' });
});
afterAll(() => millrace.stop());

/** Uploads a file as the body with its content type, and waits until the job has ended. */
async function ingest(content: string | Buffer, type: string, filename: string) {
  const response = await fetch(
    `${millrace.stack.apiUrl}/api/v1/documents?filename=${filename}&chunk_max_tokens=64&chunk_overlap_tokens=0`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}`, 'content-type': type },
      body: new Uint8Array(Buffer.from(content)),
    },
  );
  expect(response.status).toBe(202);
  const { document, job } = (await response.json()) as UploadResponse;
  const ended = await millrace.endOf(job.id);
  return { job: ended, document: await millrace.document(document.id) };
}

const filler = (about: string) =>
  `${`More is to be said about ${about} than fits on a page of this book. `.repeat(60)}\n\n`;

describe('A text that is uploaded', () => {
  test('When it is Markdown, then search finds it with its section and page, without boxes', async () => {
    const content = `# The Mill Handbook\n\n${filler('mills')}## Keeping the Wheel\n\n### Grease\n\nGrease the axle with *mutton tallow* before the first frost. ${'Then let it rest for a night and a day, and keep the children away. '.repeat(4)}\n`;
    const { document } = await ingest(content, 'text/markdown', 'handbook.md');
    expect(document).toMatchObject({ status: 'ready', mime_type: 'text/markdown', title: 'The Mill Handbook' });
    const [hit] = await millrace.search('mutton tallow for the axle', { document_id: document.id });
    expect(hit).toMatchObject({
      text: expect.stringContaining('Grease the axle with mutton tallow'),
      section: 'The Mill Handbook > Keeping the Wheel > Grease',
      page_start: 2,
      page_end: 2,
      coordinates: [],
    });
    const chunks = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    expect(chunks.body.chunks.at(0)?.metadata).toEqual({
      title: 'The Mill Handbook',
      blocks: ['heading', 'paragraph'],
    });
    const pages = await millrace.call<DocumentPagesResponse>('GET', `/api/v1/documents/${document.id}/pages`);
    expect(pages.body.pages).toMatchObject([
      { page: 1, width: 0, height: 0, outcome: 'text', error_code: null },
      { page: 2, outcome: 'text' },
    ]);
  });

  test('When it is HTML, then search finds its text with section and page, and no scripts or navigation', async () => {
    const content = `<!doctype html><title>River Almanac</title><script>var otters = "scripted";</script>
      <nav>Home of otters</nav><h1>The River</h1><p>${filler('rivers')}</p>
      <h2>Tolls</h2><table><tr><th>Boat<th>Toll<tr><td>Barge<td>12 shillings</table>
      <p>${'Tolls are paid at the bridge house before the boat may pass under it. '.repeat(4)}</p>`;
    const { document } = await ingest(content, 'text/html', 'almanac.html');
    expect(document).toMatchObject({ status: 'ready', mime_type: 'text/html', title: 'River Almanac' });
    const [hit] = await millrace.search('barge toll in shillings', { document_id: document.id });
    expect(hit).toMatchObject({
      text: expect.stringContaining('Barge\t12 shillings'),
      section: 'The River > Tolls',
      page_start: 2,
      coordinates: [],
    });
    const chunks = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    expect(JSON.stringify(chunks.body)).not.toMatch(/otters/);
  });

  test('When it is plain text with form feeds, then its pages are those of the text', async () => {
    const { document } = await ingest('First.\fSecond, about geese.\f\fFourth.', 'text/plain', 'notes.txt');
    expect(document).toMatchObject({ status: 'ready', mime_type: 'text/plain', title: null, page_count: 4 });
    const pages = await millrace.call<DocumentPagesResponse>('GET', `/api/v1/documents/${document.id}/pages`);
    expect(pages.body.pages.map(({ outcome }) => outcome)).toEqual(['text', 'text', 'empty', 'text']);
  });

  test('When its charset is named, then its words are found', async () => {
    const russian = Buffer.from([0xec, 0xeb, 0xe8, 0xed]);
    const { document } = await ingest(russian, 'text/plain; charset=cp1251', 'mill.txt');
    expect(document).toMatchObject({ status: 'ready', mime_type: 'text/plain; charset=windows-1251' });
    const [hit] = await millrace.search('млин', { document_id: document.id });
    expect(hit?.text).toBe('млин');
  });

  test('When it comes in a form, then it is read as Markdown', async () => {
    const { body } = await millrace.upload(
      Buffer.from('# By name\n\nSaid by its name.'),
      'named.md',
      {},
      'text/markdown',
    );
    await millrace.endOf(body.job.id);
    expect(await millrace.document(body.document.id)).toMatchObject({ status: 'ready', mime_type: 'text/markdown' });
  });

  test.each([
    ['holds nothing to read', ' \n\f\n ', 'text/plain', 'DOCUMENT_NO_TEXT'],
    ['has more pages than allowed', 'page\f'.repeat(51), 'text/plain', 'DOCUMENT_TOO_MANY_PAGES'],
    ['nests without an end', '<b>'.repeat(30_000), 'text/html', 'DOCUMENT_NO_TEXT'],
    [
      'is too large to be read as a whole',
      Buffer.alloc(17 * 1024 * 1024, 'a b '),
      'text/markdown',
      'DOCUMENT_TOO_LARGE',
    ],
  ])('When it %s, then it fails with a name for that', async (_what, content, type, code) => {
    const { document, job } = await ingest(content, type, 'bad');
    expect(document).toMatchObject({ status: 'failed', error: { code } });
    expect(job.status).toBe('failed');
  });
});
