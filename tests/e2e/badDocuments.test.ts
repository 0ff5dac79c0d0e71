import type { DocumentChunksResponse, DocumentDetail, DocumentPagesResponse } from '@millrace/contracts';
import {
  blankPdf,
  brokenPdf,
  encryptedPdf,
  missingPagePdf,
  ownerEncryptedPdf,
  pagelessPdf,
  textPdf,
} from '@millrace/test-support';
import { TestStack } from './support';

let millrace: TestStack;
beforeAll(async () => {
  millrace = await TestStack.start({ DOCUMENT_MAX_PAGES: '5' });
});
afterAll(() => millrace.stop());

describe('A document that cannot be read', () => {
  test.each([
    ['is broken', 'PDF_CORRUPT', async () => brokenPdf()],
    ['has no pages', 'PDF_CORRUPT', async () => pagelessPdf()],
    ['asks for a password', 'PDF_ENCRYPTED', () => encryptedPdf()],
    ['holds no text', 'DOCUMENT_NO_TEXT', () => blankPdf(2)],
    ['has more pages than allowed', 'DOCUMENT_TOO_MANY_PAGES', () => textPdf(Array(6).fill('A page.'))],
  ] as const)('When a PDF %s, then it fails with %s and only its record stays', async (_what, code, make) => {
    const { document, job } = await millrace.ingest(await make());
    expect(job).toMatchObject({ status: 'failed', progress: 1, total_chunks: null, error: { code } });
    expect(document).toMatchObject({
      status: 'failed',
      error: {
        type: `urn:millrace:problem:${code.toLowerCase().replaceAll('_', '-')}`,
        status: 422,
        code,
        retryable: false,
        advice: expect.any(String),
      },
    });
    expect(await millrace.blobs()).not.toContain(document.id);
    const chunks = await millrace.call<DocumentChunksResponse>('GET', `/api/v1/documents/${document.id}/chunks`);
    expect(chunks.body.chunks).toEqual([]);
  });

  test('When one page of a PDF cannot be read, then the others are searchable and the document is partial', async () => {
    const { document, job } = await millrace.ingest(missingPagePdf());
    expect(job).toMatchObject({ status: 'completed_with_errors', error: { code: 'PAGE_FAILED' } });
    expect(document.status).toBe('partial');
    const { body } = await millrace.call<DocumentPagesResponse>('GET', `/api/v1/documents/${document.id}/pages`);
    expect(body.pages.filter((page) => page.outcome === 'failed')).toMatchObject([{ error_code: 'PAGE_FAILED' }]);
    expect(body.pages.filter((page) => page.outcome === 'text').length).toBeGreaterThan(0);
  });

  test('When the end of a PDF is missing, then the rest is searchable and the document says what was rebuilt', async () => {
    const whole = await textPdf(['Salvaged from the wreck.']);
    const { document } = await millrace.ingest(whole.subarray(0, whole.lastIndexOf('xref', -20)));
    expect(document).toMatchObject({ status: 'ready', repair: 'TRAILER_REBUILT', page_count: 1 });
    expect(await millrace.search('salvaged wreck', { document_id: document.id })).toHaveLength(1);
  });

  test('When the list of pages is missing too, then the document is partial, because there may have been more pages', async () => {
    const whole = await textPdf(['Salvaged from the wreck.', 'The next page is lost.']);
    const { document, job } = await millrace.ingest(whole.subarray(0, whole.lastIndexOf('/Type /Pages')));
    const error = { code: 'PDF_PAGES_LOST', advice: expect.any(String) };
    expect(job).toMatchObject({ status: 'completed_with_errors', error });
    expect(document).toMatchObject({ status: 'partial', repair: 'PAGES_REBUILT', page_count: 2, error });
    const { body } = await millrace.call<DocumentDetail>('GET', `/api/v1/documents/${document.id}`);
    expect(body.missing).toEqual({ chunk_count: 0, page_count: 0, pages_lost: true, chunks: [], pages: [] });
    expect(await millrace.search('salvaged wreck', { document_id: document.id })).toHaveLength(1);
  });

  test('When a PDF is encrypted without a password to open it, then it is read', async () => {
    expect((await millrace.ingest(await ownerEncryptedPdf())).document.status).toBe('ready');
  });

  test('When the same unreadable PDF is uploaded again, then the answer gives the reason', async () => {
    const pdf = await encryptedPdf('other', 'Another secret.');
    const { document } = await millrace.ingest(pdf);
    const again = await millrace.upload(pdf);
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      duplicate: true,
      document: { id: document.id, status: 'failed', error: { code: 'PDF_ENCRYPTED' } },
    });
  });
});
