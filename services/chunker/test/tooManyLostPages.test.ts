import { retryJob } from '@millrace/lifecycle';
import { formBombPdf } from '@millrace/test-support';
import { jobOf, testActor } from '@millrace/test-support/lifecycle';
import { createIngest } from './support';

let ingest: Awaited<ReturnType<typeof createIngest>>;
beforeAll(async () => {
  ingest = await createIngest(undefined, { stepMs: 1_500, maxRssBytes: 2 * 1024 ** 3 });
});
afterAll(() => ingest.dispose());

test('When a document loses more pages than the limit, then it fails, the pages are named, and it can be restarted', async () => {
  const { database, blobs, handler, upload } = ingest;
  const texts = ['The first page.', 'The second page.', 'The third page.', 'The fourth page.', 'The fifth page.'];
  const { delivery, sourcePath } = await upload(formBombPdf(texts, { pages: [1, 2, 4, 5], fanOut: 10, depth: 6 }));
  for (let reading = 1; reading <= 2; reading++) {
    // The limits are the same the second time, and so is the result.
    expect(await handler.handle(delivery)).toMatchObject({ outcome: 'failed', code: 'DOCUMENT_UNREADABLE' });
    expect(await database.documentPages.list(delivery.documentId, { after: 0, limit: 10 })).toMatchObject(
      [1, 2, 4, 5].map((page) => ({ page, outcome: 'failed', errorCode: 'PAGE_TIMEOUT' })),
    );
    expect(await database.documents.find(delivery.documentId)).toMatchObject({
      status: 'failed',
      sourcePath,
    });
    expect(await blobs.localPath(sourcePath)).toContain(delivery.documentId);
    const retried = await retryJob(database, delivery.jobId, { force: false }, testActor);
    expect(retried?.job).toMatchObject({ jobId: delivery.jobId });
    expect(await jobOf(database, delivery.jobId)).toMatchObject({ status: 'queued' });
  }
}, 300_000);
