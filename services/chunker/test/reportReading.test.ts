import { createLogger } from '@millrace/telemetry';
import { waitFor } from '@millrace/test-support';
import { acceptedDocument, claimedJob, createOwnDatabase, jobOf } from '@millrace/test-support/lifecycle';
import { reportReading } from '../src/reportReading';

test('When a document takes long to read, then its job shows the page from time to time', async () => {
  const { database, dispose } = await createOwnDatabase();
  try {
    const { job: accepted } = await acceptedDocument(database);
    const job = await claimedJob(database, accepted.id);
    const options = { database, job, logger: createLogger('test', 'silent') };
    const step = async () => (await jobOf(database, job.jobId)).currentStep;
    // Nothing is shown within the first two seconds.
    reportReading(options)({ page: 1, pages: 40, ocr: false });
    const report = reportReading({ ...options, intervalMs: 0 });
    report({ page: 12, pages: 40, ocr: true });
    // While one page is being written, no other is.
    report({ page: 13, pages: 40, ocr: false });
    await waitFor('the page to be shown', async () => (await step()) !== 'reading the PDF');
    expect(await step()).toBe('reading page 12 of 40 (OCR)');
    await waitFor('the next page to be shown', async () => {
      report({ page: 14, pages: 40, ocr: false });
      return (await step()) === 'reading page 14 of 40';
    });
    await waitFor('a page of a text to be shown', async () => {
      report({ page: 15, pages: null, ocr: false });
      return (await step()) === 'reading page 15';
    });
    reportReading({ ...options, job: { ...job, kind: 'reread' }, intervalMs: 0 })({
      page: 15,
      pages: 40,
      ocr: false,
    });
    await waitFor(
      'failed pages to be shown',
      async () => (await step()) === 'reading failed pages again: page 15 of 40',
    );
  } finally {
    await dispose();
  }
});
