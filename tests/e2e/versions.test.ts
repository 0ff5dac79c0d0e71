import type { DocumentsResponse } from '@millrace/contracts';
import { textPdf } from '@millrace/test-support';
import { PayingProvider } from './payingProvider';
import { TestStack } from './support';

const pages = 300;

let provider: PayingProvider;
let millrace: TestStack;
beforeAll(async () => {
  provider = await PayingProvider.start();
  millrace = await TestStack.start({
    EMBEDDING_PROVIDER: 'openai',
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: provider.server.baseUrl,
    RECONCILE_INTERVAL_MS: '200',
  });
});
afterAll(async () => {
  await millrace?.stop();
  await provider?.server.close();
});

const words =
  'mill wheel water stone grain flour river sluice gate miller sack cart road market bread oven roof beam'.split(' ');

/** Running text whose paragraphs have different lengths, the same for the same page. */
function pageText(page: number): string {
  const word = (n: number) => words[(n * n + n * page + page) % words.length];
  return Array.from({ length: 5 }, (_, paragraph) => {
    const length = 20 + ((page * 31 + paragraph * 17) % 60);
    return `Rule ${page}.${paragraph} says: ${Array.from({ length }, (_each, n) => word(n + paragraph)).join(' ')}.`;
  }).join('\n\n');
}

/** A handbook without headings. On one page it may have one more paragraph. */
const handbook = (changed?: { page: number; paragraph: string }) =>
  textPdf(
    Array.from({ length: pages }, (_, page) =>
      page === changed?.page ? `${pageText(page)}\n\n${changed.paragraph}` : pageText(page),
    ),
    { info: { Title: 'Handbook' } },
  );

/** Uploads a version and waits for its end. @returns what was paid for meanwhile. */
async function version(pdf: Buffer) {
  const before = provider.paid.length;
  const { body } = await millrace.upload(pdf, 'handbook.pdf', { external_id: 'handbook' });
  const job = await millrace.endOf(body.job.id);
  return { job, document: await millrace.document(body.document.id), paid: provider.paid.slice(before) };
}

test('When one page of 300 changes, then only its chunks are embedded, and bringing the old version back embeds nothing', async () => {
  const first = await version(await handbook());
  expect(first.document).toMatchObject({ status: 'ready', page_count: pages, version: 1, is_current: true });
  expect(first.paid.length).toBeGreaterThan(pages);

  const second = await version(
    await handbook({ page: 150, paragraph: 'The mill stands still from the first frost on.' }),
  );
  expect(second.document).toMatchObject({ status: 'ready', version: 2, is_current: true });
  expect(second.paid.filter((text) => text.includes('first frost')).length).toBeGreaterThan(0);
  console.log(
    `One page of ${pages} changed: ${second.paid.length} of ${second.job.total_chunks} chunks were embedded.`,
  );
  // The chunks of the page, and at most those at its edges.
  expect(second.paid.length).toBeLessThanOrEqual(5);

  const [hit] = await millrace.search('The mill stands still', { external_id: 'handbook', limit: 1 });
  expect(hit).toMatchObject({ document_id: second.document.id, version: 2 });
  const before = provider.paid.length;
  const restored = await millrace.call('POST', `/api/v1/documents/${first.document.id}/restore`);
  expect(restored).toMatchObject({ status: 200, body: { version: 3, is_current: true } });
  expect(provider.paid.length).toBe(before);
  const hits = await millrace.search('The mill stands still', { external_id: 'handbook', limit: 100 });
  expect(new Set(hits.map((found) => found.document_id))).toEqual(new Set([first.document.id]));
  const { body } = await millrace.call<DocumentsResponse>('GET', '/api/v1/documents?external_id=handbook&versions=all');
  // In the order of their uploads, the newest first.
  expect(body.documents.map((document) => document.version)).toEqual([2, 3]);
}, 300_000);
