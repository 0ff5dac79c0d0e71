import type { Config } from '@millrace/config';
import { type Database, defaultCollectionId } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import type { Queues } from '@millrace/queues';
import { Deliveries, Rounds, RunningWork } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { createTestEnvironment, type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import { chunkedDocument, openDatabase } from '@millrace/test-support/lifecycle';
import { type OpenQueues, openQueues } from '@millrace/test-support/queues';
import { createEmbedderMetrics, EmbeddingWorker, type QueuedChunk, uploadedChunks } from '../src';

const logger = createLogger('test', 'silent');

export interface WorkerOptions {
  target?: typeof uploadedChunks;
  database?: Database;
  /** Environment variables. */
  changes?: Record<string, string>;
  leaseMs?: number;
}

/** The database, queues and provider of one test, and workers on them. */
export class EmbedderWorld {
  readonly runningWork = new RunningWork();

  private constructor(
    readonly provider: OpenAiServer,
    private readonly environment: Awaited<ReturnType<typeof createTestEnvironment>>,
    readonly database: Database,
    private readonly openQueues: OpenQueues,
  ) {}

  static async create(variables: Record<string, string> = {}): Promise<EmbedderWorld> {
    const provider = await startOpenAiServer();
    const environment = await createTestEnvironment({
      EMBEDDING_PROVIDER: 'openai',
      OPENAI_BASE_URL: provider.baseUrl,
      ...variables,
    });
    const config = environment.config();
    const queues = await openQueues(config, { worker: true });
    return new EmbedderWorld(provider, environment, openDatabase(config.DATABASE_URL), queues);
  }

  get queues(): Queues {
    return this.openQueues.queues;
  }

  /** The configuration, with these environment variables set. */
  config(changes: Record<string, string> = {}): Config {
    return this.environment.config(changes);
  }

  async worker(options: WorkerOptions = {}): Promise<EmbeddingWorker> {
    const { target = uploadedChunks, database = this.database, changes = {}, leaseMs = 60_000 } = options;
    const deliveries = new Deliveries(this.queues, logger);
    return new EmbeddingWorker({
      target,
      database,
      deliveries,
      rounds: new Rounds(deliveries, createRegistry('test'), logger),
      providers: await EmbeddingProviders.create(this.config(changes)),
      runningWork: this.runningWork,
      worker: 'test',
      leaseMs,
      maxOutageMs: 60_000,
      retryPolicy: { backoffMs: 0 },
      logger,
      metrics: createEmbedderMetrics(createRegistry('test')),
    });
  }

  /** Makes an upload with the given number of waiting chunks. */
  async upload(count: number): Promise<Upload> {
    const { jobId, documentId, chunkIds } = await chunkedDocument(this.database, count);
    const deliveries = chunkIds.map((chunkId) => ({
      version: 1 as const,
      chunkId,
      jobId,
      documentId,
      collectionId: defaultCollectionId,
      queueJobId: `${chunkId}.1`,
    }));
    return { jobId, documentId, chunkIds, deliveries };
  }

  async dispose(): Promise<void> {
    await this.openQueues.close();
    await this.database.close();
    await this.environment.cleanUp();
    await this.provider.close();
  }
}

export interface Upload {
  jobId: string;
  documentId: string;
  chunkIds: string[];
  deliveries: QueuedChunk[];
}
