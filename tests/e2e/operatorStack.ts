import type { DocumentChunksResponse, JobChunksResponse, RetryGroupView } from '@millrace/contracts';
import type { Queues } from '@millrace/queues';
import { textPdf, waitFor } from '@millrace/test-support';
import { openQueues } from '@millrace/test-support/queues';
import { PayingProvider } from './payingProvider';
import { TestStack } from './support';

/** A stack whose provider can be broken and mended, and whose reconciler is quick. */
export class OperatorStack {
  private constructor(
    readonly provider: PayingProvider,
    readonly millrace: TestStack,
    readonly queues: Queues,
    private readonly closeQueues: () => Promise<unknown>,
  ) {}

  static async start(): Promise<OperatorStack> {
    const provider = await PayingProvider.start();
    const millrace = await TestStack.start({
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_BATCH_SIZE: '2',
      EMBEDDING_CONCURRENCY: '1',
      OPENAI_BASE_URL: provider.server.baseUrl,
      // Longer than a test. A round of retries begins only when its deliveries are promoted.
      RETRY_BACKOFF_MS: '300000',
      RECONCILE_INTERVAL_MS: '200',
      RECONCILE_GRACE_MS: '500',
    });
    const { queues, close } = await openQueues(millrace.environment.config());
    return new OperatorStack(provider, millrace, queues, close);
  }

  async stop(): Promise<void> {
    await this.closeQueues();
    await this.millrace.stop();
    await this.provider.server.close();
  }

  /** Makes the provider work, and forgets what was paid for. */
  beginTest(): void {
    this.provider.paid = [];
    this.provider.mend();
  }

  async chunksOf(jobId: string): Promise<JobChunksResponse> {
    return (await this.millrace.call<JobChunksResponse>('GET', `/api/v1/jobs/${jobId}/chunks?limit=500`)).body;
  }

  async storedOf(documentId: string): Promise<DocumentChunksResponse['chunks']> {
    const path = `/api/v1/documents/${documentId}/chunks?limit=500`;
    return (await this.millrace.call<DocumentChunksResponse>('GET', path)).body.chunks;
  }

  /** Waits until the retry is done. @returns it. */
  endOfRetry(groupId: string | null): Promise<RetryGroupView> {
    return waitFor('the retry to be done', async () => {
      const { body } = await this.millrace.call<RetryGroupView>('GET', `/api/v1/retries/${groupId}`);
      return body.done && body;
    });
  }
}

/** A PDF whose pages make about two chunks each. */
export function book(title: string, pages = 4): Promise<Buffer> {
  return textPdf(
    Array.from({ length: pages }, (_, i) => `${title}, page ${i}. ${`${title} goes on with line ${i}. `.repeat(60)}`),
  );
}
