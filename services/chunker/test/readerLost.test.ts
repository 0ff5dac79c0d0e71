import type { DocumentDelivery } from '@millrace/contracts';
import type { JobRow } from '@millrace/database';
import { textPdf, waitFor } from '@millrace/test-support';
import { jobOf } from '@millrace/test-support/lifecycle';
import { createIngest } from './support';

let ingest: Awaited<ReturnType<typeof createIngest>>;
beforeAll(async () => {
  ingest = await createIngest();
});
afterAll(() => ingest.dispose());

function signalReaders(signal: NodeJS.Signals): void {
  for (const pid of ingest.pool.pids) {
    process.kill(pid, signal);
  }
}

/** Handles the delivery, and kills every process that reads for it from outside. */
async function handleAndKill(delivery: DocumentDelivery) {
  const { database, pool, handler } = ingest;
  pool.warmUp();
  // A stopped process cannot finish before it is killed.
  signalReaders('SIGSTOP');
  const work = handler.handle(delivery);
  await waitFor('the job to leave the status chunking', async () => {
    const { status, attempts } = await jobOf(database, delivery.jobId);
    if (status !== 'chunking') {
      return attempts > 0;
    }
    signalReaders('SIGKILL');
    return false;
  });
  return work;
}

async function originalOf(job: JobRow): Promise<string | null | undefined> {
  return (await ingest.database.documents.find(job.documentId))?.sourcePath;
}

describe('When the process that reads a document is killed from outside', () => {
  test('then the job is queued again with its original, and completes when it is delivered again', async () => {
    const { database, queues, blobs, handler, upload } = ingest;
    const { delivery, sourcePath } = await upload(await textPdf(['The mill turns.']));
    expect(await handleAndKill(delivery)).toEqual({ outcome: 'done' });

    const queued = await jobOf(database, delivery.jobId);
    expect(queued).toMatchObject({ status: 'queued', attempts: 1, errorCode: 'READER_LOST' });
    expect(await queues.documents.getJob(queued.queueJobId)).toMatchObject({ data: delivery });
    expect(await originalOf(queued)).toBe(sourcePath);
    expect(await blobs.localPath(sourcePath)).toContain(delivery.documentId);

    expect(await handler.handle(delivery)).toEqual({ outcome: 'done' });
    const chunked = await jobOf(database, delivery.jobId);
    expect(chunked).toMatchObject({ status: 'processing', attempts: 2, totalChunks: 1, errorCode: null });
  });

  test('at the last attempt, then the document fails and its original is kept', async () => {
    const { database, blobs, upload } = ingest;
    const { delivery, sourcePath } = await upload(await textPdf(['The mill stands still.']), 1);
    expect(await handleAndKill(delivery)).toMatchObject({ outcome: 'failed', code: 'READER_LOST' });

    const failed = await jobOf(database, delivery.jobId);
    expect(failed).toMatchObject({ status: 'failed', attempts: 1, errorCode: 'READER_LOST' });
    expect(await originalOf(failed)).toBe(sourcePath);
    expect(await blobs.localPath(sourcePath)).toContain(delivery.documentId);
  });
});
