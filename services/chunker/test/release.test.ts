import { createIngest } from './support';

test('When the service stops during the claim of a job, then the job is released and queued again', async () => {
  const { database, queues, blobs, runningWork, handler, upload, dispose } = await createIngest();
  try {
    const { delivery, sourcePath } = await upload(Buffer.from('%PDF-1.4'));
    const work = runningWork.run(() => handler.handle(delivery));
    await runningWork.release();
    expect(await work).toEqual({ outcome: 'done' });

    const row = await database.jobs.find(delivery.jobId);
    expect(row).toMatchObject({ status: 'queued', attempts: 0, errorCode: null });
    expect(await queues.documents.getJobState(row?.queueJobId ?? '')).toBe('prioritized');
    expect(await blobs.localPath(sourcePath)).toContain(delivery.documentId);
  } finally {
    await dispose();
  }
});
