import type { BulkRetryResponse, DocumentDetail, JobChunkDetail, JobView, RetryResponse } from '@millrace/contracts';
import { missingPagePdf, waitFor } from '@millrace/test-support';
import { book, OperatorStack } from './operatorStack';

let stack: OperatorStack;
beforeAll(async () => {
  stack = await OperatorStack.start();
});
beforeEach(() => stack.beginTest());
afterAll(() => stack.stop());

const documentOf = async (id: string) =>
  (await stack.millrace.call<DocumentDetail>('GET', `/api/v1/documents/${id}`)).body;

describe('An operator', () => {
  test('sees what a partial document lacks, and retries by error code once the provider works', async () => {
    const refused = stack.provider.refuseOneText(400);
    const { job, document } = await stack.millrace.ingest(await book('The smudged ledger'));
    expect([job.status, document.status]).toEqual(['completed_with_errors', 'partial']);
    const { error_codes, chunks } = await stack.chunksOf(job.id);
    expect(error_codes).toEqual([{ code: 'EMBEDDING_REJECTED', count: 1 }]);
    const failed = chunks.filter((chunk) => chunk.status === 'failed');
    expect((await documentOf(document.id)).missing).toEqual({
      chunk_count: 1,
      page_count: 0,
      chunks: failed.map(({ id, chunk_index, page_start, page_end }) => ({
        id,
        chunk_index,
        page_start,
        page_end,
        error_code: 'EMBEDDING_REJECTED',
      })),
      pages: [],
      pages_lost: false,
    });
    const before = await stack.storedOf(document.id);
    expect(before).toHaveLength(chunks.length - 1);

    stack.provider.mend();
    stack.provider.paid = [];
    const wanted = { document_id: document.id, error_codes: ['EMBEDDING_REJECTED'] };
    const dry = await stack.millrace.call<BulkRetryResponse>('POST', '/api/v1/retries', { ...wanted, dry_run: true });
    expect(dry).toMatchObject({ status: 200, body: { group_id: null, scheduled: 1, jobs: 1 } });
    const retry = await stack.millrace.call<BulkRetryResponse>('POST', '/api/v1/retries', wanted);
    expect(retry).toMatchObject({ status: 202, body: { scheduled: 1, jobs: 1, skipped: [] } });
    expect(await stack.endOfRetry(retry.body.group_id)).toMatchObject({ summary: { total: 1, success: 1 } });
    expect(await documentOf(document.id)).toMatchObject({ status: 'ready', missing: null, error: null });
    expect(await stack.millrace.job(job.id)).toMatchObject({ status: 'completed', failed_chunks: 0, error: null });
    expect(stack.provider.paid).toEqual([refused.text()]);
    const after = await stack.storedOf(document.id);
    expect(after.filter((chunk) => chunk.text !== refused.text())).toEqual(before);
    expect(after).toHaveLength(chunks.length);
    const { body } = await stack.millrace.call<JobChunkDetail>('GET', `/api/v1/jobs/${job.id}/chunks/${failed[0]?.id}`);
    expect(body.history).toMatchObject([
      { attempt: 1, outcome: 'failed', error_code: 'EMBEDDING_REJECTED', retry_group_id: null },
      { attempt: 2, outcome: 'success', retry_group_id: retry.body.group_id },
    ]);
  });

  test('sees which pages could not be read', async () => {
    const { document } = await stack.millrace.ingest(missingPagePdf());
    expect(await documentOf(document.id)).toMatchObject({
      status: 'partial',
      missing: { chunk_count: 0, chunks: [], page_count: 1, pages: [{ page: 2, error_code: 'PAGE_FAILED' }] },
    });
  });

  test('cancels while the provider hangs. The late answer stores nothing, and a retry continues', async () => {
    const held = stack.provider.holdAnswers();
    const first = stack.provider.server.requests.length;
    const { body } = await stack.millrace.upload(await book('The recalled letter'));
    await waitFor('the call to the provider', async () => stack.provider.server.requests.length > first);
    const cancelled = await stack.millrace.call<JobView>('POST', `/api/v1/jobs/${body.job.id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', error: { code: 'CANCELLED' } } });
    expect(await stack.millrace.document(body.document.id)).toMatchObject({ status: 'cancelled' });

    held.release();
    await waitFor('the deliveries to be acknowledged', async () => {
      const { active, waiting, prioritized, delayed } = await stack.queues.chunks.getJobCounts();
      return [active, waiting, prioritized, delayed].every((count) => count === 0);
    });
    expect(await stack.millrace.job(body.job.id)).toEqual(cancelled.body);
    expect(await stack.millrace.document(body.document.id)).toMatchObject({ status: 'cancelled' });
    expect(await stack.storedOf(body.document.id)).toEqual([]);
    const { summary } = await stack.chunksOf(body.job.id);
    expect(summary).toMatchObject({ cancelled: summary.total, success: 0 });

    const retry = await stack.millrace.call<RetryResponse>('POST', `/api/v1/jobs/${body.job.id}/chunks/retry`);
    expect(retry).toMatchObject({ status: 202, body: { scheduled: summary.total } });
    await stack.endOfRetry(retry.body.group_id);
    expect(await stack.millrace.document(body.document.id)).toMatchObject({ status: 'ready' });
  });
});
