import { retryJob } from '@millrace/lifecycle';
import { formBombPdf } from '@millrace/test-support';
import { jobOf } from '../../../packages/lifecycle/test/support';
import { createIngest } from './support';

let ingest: Awaited<ReturnType<typeof createIngest>>;
beforeAll(async () => {
  ingest = await createIngest(undefined, { stepMs: 500, maxRssBytes: 2 * 1024 ** 3 });
});
afterAll(() => ingest.dispose());

test('When more pages are lost than may be, then they are named, and the document can be read again', async () => {
  const { database, blobs, handler, upload } = ingest;
  const texts = ['The first page.', 'The second page.', 'The third page.', 'The fourth page.', 'The fifth page.'];
  const { delivery, sourcePath } = await upload(formBombPdf(texts, { pages: [1, 2, 4, 5], fanOut: 10, depth: 6 }));
  for (let reading = 1; reading <= 2; reading++) {
    // It fares no better the second time here, with the same limits.
    expect(await handler.handle(delivery)).toMatchObject({ outcome: 'failed', code: 'DOCUMENT_UNREADABLE' });
    expect(await database.documentPages.list(delivery.documentId, { after: 0, limit: 10 })).toMatchObject(
      [1, 2, 4, 5].map((page) => ({ page, outcome: 'failed', errorCode: 'PAGE_TIMEOUT' })),
    );
    expect(await database.documents.find(delivery.documentId)).toMatchObject({
      status: 'failed',
      sourcePath,
    });
    expect(await blobs.localPath(sourcePath)).toContain(delivery.documentId);
    const retried = await retryJob(database, delivery.jobId, { force: false });
    expect(retried?.job).toMatchObject({ jobId: delivery.jobId });
    expect(await jobOf(database, delivery.jobId)).toMatchObject({ status: 'queued' });
  }
}, 60_000);
