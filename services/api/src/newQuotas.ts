import type { Config } from '@millrace/config';
import type { CollectionQuotas } from '@millrace/database';

/** Returns the quotas of new collections, those of new users included. The configuration writes none as 0. */
export function newQuotas(config: Config): CollectionQuotas {
  return {
    maxDocuments: config.COLLECTION_MAX_DOCUMENTS || null,
    maxBytes: config.COLLECTION_MAX_BYTES || null,
    maxChunksPerDay: config.COLLECTION_MAX_CHUNKS_PER_DAY || null,
  };
}
