import { retryPages } from '@millrace/lifecycle';
import { imagePdf } from '@millrace/test-support';
import { claim, jobOf, settle, statusOf } from '../../../packages/lifecycle/test/support';
import { scanned } from './scannedPage';
import { createIngest } from './support';

const scanOf = (word: string) =>
  scanned(Array.from({ length: 8 }, () => `The ${word} mill turns by the river.`).join('\n'));

test('When failed pages are read again, then the pages that can be read now are added, and the others do not change', async () => {
  const { database, handler, upload, dispose } = await createIngest({
    maxPages: 1,
    languages: ['eng'],
    pageTimeoutMs: 60_000,
    totalMs: 600_000,
  });
  try {
    const images = [await scanOf('first'), await scanOf('second')];
    const { delivery } = await upload(imagePdf(images.map((image) => ({ image }))));
    const { jobId, documentId } = delivery;
    const rows = () =>
      database.sql.many<{ id: string; payload: unknown }>(
        'SELECT * FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index',
        [jobId],
      );
    const pages = async () =>
      (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(
        (page) => page.errorCode ?? page.outcome,
      );
    const embedAll = async () =>
      settle(
        database,
        await claim(
          database,
          (await rows()).map((row) => row.id),
        ),
      );

    expect(await handler.handle(delivery)).toEqual({ outcome: 'done' });
    await embedAll();
    expect(await pages()).toEqual(['ocr', 'OCR_LIMIT']);
    expect(await statusOf(database, documentId)).toBe('partial');
    const before = await rows();

    // As many pages again may be read by OCR.
    expect(await retryPages(database, jobId)).toMatchObject({ outcome: 'queued', pages: 1 });
    expect(await handler.handle(delivery)).toEqual({ outcome: 'done' });
    expect(await pages()).toEqual(['ocr', 'ocr']);
    const [added, ...more] = (await rows()).slice(before.length);
    expect(added).toMatchObject({ chunk_index: before.length, page_start: 2, status: 'pending' });
    expect([JSON.stringify(added?.payload).includes('second'), more]).toEqual([true, []]);

    await embedAll();
    expect((await rows()).slice(0, before.length)).toEqual(before);
    expect((await jobOf(database, jobId)).status).toBe('completed');
    expect(await statusOf(database, documentId)).toBe('ready');
  } finally {
    await dispose();
  }
}, 60_000);

test('When failed pages are read again and the original is gone, then the job ends as it was and says so', async () => {
  const { database, blobs, handler, upload, dispose } = await createIngest({
    maxPages: 1,
    languages: ['eng'],
    pageTimeoutMs: 60_000,
    totalMs: 600_000,
  });
  try {
    const image = await scanOf('only');
    const { delivery, sourcePath } = await upload(imagePdf([{ image }, { image }]), 1);
    const { jobId, documentId } = delivery;
    await handler.handle(delivery);
    const ids = await database.sql.many<{ id: string }>('SELECT id FROM job_chunks WHERE job_id = $1', [jobId]);
    await settle(
      database,
      await claim(
        database,
        ids.map(({ id }) => id),
      ),
    );
    await retryPages(database, jobId);
    await blobs.remove(sourcePath);
    expect(await handler.handle(delivery)).toMatchObject({ outcome: 'failed', code: 'BLOB_MISSING' });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed_with_errors', errorCode: 'BLOB_MISSING' });
    expect(await statusOf(database, documentId)).toBe('partial');
  } finally {
    await dispose();
  }
}, 60_000);
