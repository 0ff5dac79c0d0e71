import type { Database } from '@millrace/database';
import { retryPages } from '@millrace/lifecycle';
import { imagePdf } from '@millrace/test-support';
import { claimedChunks, documentStatusOf, jobOf, settleClaim, testActor } from '@millrace/test-support/lifecycle';
import { scanned } from './scannedPage';
import { createIngest } from './support';

/** A quarter of a letter page, which takes a quarter of the time. */
const small = [306, 396] as const;

const scanOf = (word: string) =>
  scanned(Array.from({ length: 8 }, () => `The ${word} mill turns by the river.`).join('\n'), {
    size: [...small],
    margin: 36,
  });

/** Requests the failed pages. @returns the id of the new job. */
async function requestPages(database: Database, jobId: string): Promise<string> {
  const retried = await retryPages(database, jobId, testActor);
  return retried?.outcome === 'queued' ? retried.job.jobId : '';
}

test('When failed pages are read again, then the pages that can be read now are added, and the others do not change', async () => {
  const { database, handler, upload, dispose } = await createIngest({
    maxPages: 1,
    languages: ['eng'],
    pageTimeoutMs: 60_000,
    totalMs: 600_000,
  });
  try {
    const images = [await scanOf('first'), await scanOf('second')];
    const { delivery } = await upload(
      imagePdf(
        images.map((image) => ({ image })),
        small,
      ),
    );
    const { jobId, documentId } = delivery;
    const rows = () =>
      database.sql.many<{ id: string; job_id: string; payload: unknown }>(
        `SELECT c.* FROM job_chunks c JOIN jobs j ON j.id = c.job_id WHERE j.document_id = $1 ORDER BY c.chunk_index`,
        [documentId],
      );
    const pages = async () =>
      (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(
        (page) => page.errorCode ?? page.outcome,
      );
    const embedAll = async () =>
      settleClaim(
        database,
        await claimedChunks(
          database,
          (await rows()).map((row) => row.id),
        ),
      );

    expect(await handler.handle(delivery)).toEqual({ outcome: 'done' });
    await embedAll();
    expect(await pages()).toEqual(['ocr', 'OCR_LIMIT']);
    expect(await documentStatusOf(database, documentId)).toBe('partial');
    const before = await rows();

    // As many pages again may be read by OCR.
    const again = await requestPages(database, jobId);
    expect(await handler.handle({ ...delivery, jobId: again })).toEqual({ outcome: 'done' });
    expect(await pages()).toEqual(['ocr', 'ocr']);
    const [added, ...more] = (await rows()).slice(before.length);
    expect(added).toMatchObject({ job_id: again, chunk_index: before.length, page_start: 2, status: 'pending' });
    expect([JSON.stringify(added?.payload).includes('second'), more]).toEqual([true, []]);

    await embedAll();
    expect((await rows()).slice(0, before.length)).toEqual(before);
    expect((await jobOf(database, again)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  } finally {
    await dispose();
  }
}, 300_000);

test('When failed pages are read again and the original is gone, then the new job fails and says so', async () => {
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
    await settleClaim(
      database,
      await claimedChunks(
        database,
        ids.map(({ id }) => id),
      ),
    );
    const again = { ...delivery, jobId: await requestPages(database, jobId) };
    await blobs.remove(sourcePath);
    expect(await handler.handle(again)).toMatchObject({ outcome: 'failed', code: 'BLOB_MISSING' });
    expect(await jobOf(database, again.jobId)).toMatchObject({ status: 'failed', errorCode: 'BLOB_MISSING' });
    expect(await documentStatusOf(database, documentId)).toBe('partial');
  } finally {
    await dispose();
  }
}, 300_000);
