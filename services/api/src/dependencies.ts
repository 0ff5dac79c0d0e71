import type { BlobStore } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import type { Database } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';
import type { Queues } from '@millrace/queues';
import type { Deliveries } from '@millrace/runtime';
import type { Checks, Logger, Registry } from '@millrace/telemetry';
import type { Unlocker } from './uploads/unlocker';

/** What the routes work with. */
export interface Dependencies {
  config: Config;
  apiKey: string;
  database: Database;
  queues: Queues;
  deliveries: Deliveries;
  blobs: BlobStore;
  unlocker: Unlocker;
  providers: EmbeddingProviders;
  logger: Logger;
  registry: Registry;
  checks: Checks;
}
