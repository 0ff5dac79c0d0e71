import type { BlobStore } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import type { Database } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';
import type { Queues } from '@millrace/queues';
import type { Deliveries } from '@millrace/runtime';
import type { Checks, Logger, Registry } from '@millrace/telemetry';
import type { Access } from './authorization/access';
import type { PasswordGuard } from './authorization/passwordGuard';
import type { SignIn } from './authorization/signIn';
import type { SigningKeys } from './authorization/tokens/signingKeys';
import type { RateLimiter } from './limits/rateLimiter';
import type { ChunkSearch } from './search';
import type { Unlocker } from './uploads/unlocker';

/** What the application is made from. */
export interface Dependencies {
  config: Config;
  database: Database;
  queues: Queues;
  deliveries: Deliveries;
  blobs: BlobStore;
  unlocker: Unlocker;
  providers: EmbeddingProviders;
  logger: Logger;
  registry: Registry;
  checks: Checks;
  rateLimiter: RateLimiter;
  signingKeys: SigningKeys;
}

/** What the application gives to every endpoint. */
export interface SharedResources extends Omit<Dependencies, 'providers'> {
  search: ChunkSearch;
  passwordGuard: PasswordGuard;
  signIn: SignIn;
}

/** What an endpoint can use. `access` belongs to the request's principal. */
export interface Resources extends SharedResources {
  access: Access;
}
