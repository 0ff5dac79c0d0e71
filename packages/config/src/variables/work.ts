import { day, group, wholeNumber } from './types';

/** The largest whole number that JSON and JavaScript hold exactly. */
const largest = Number.MAX_SAFE_INTEGER;

export const retries = group({
  title: 'Retries',
  introduction: 'An upload can choose its own limits with the fields chunk_max_retries and max_retries.',
  variables: {
    CHUNK_MAX_RETRIES: wholeNumber(1, 100)
      .default(3)
      .describe('How often a chunk is tried in all. The same limit holds for reading a document.'),
    JOB_MAX_RETRIES: wholeNumber(0, 100).default(3).describe('The most retry rounds of a job.'),
    RETRY_BACKOFF_MS: wholeNumber(0, 3_600_000)
      .default(2_000)
      .describe('The wait before the second attempt of a chunk. It grows with each further attempt.'),
    LEASE_MS: wholeNumber(1_000, 3_600_000)
      .default(30_000)
      .describe(
        'The length of a lease. A worker that does not renew it in time counts as lost. The same for all services.',
      ),
  },
});

export const collections = group({
  title: 'Collections',
  introduction: 'The quotas of new collections. An admin can change those of each collection. 0 means none.',
  variables: {
    COLLECTION_MAX_DOCUMENTS: wholeNumber(0, largest).default(0).describe('How many documents a collection may have.'),
    COLLECTION_MAX_BYTES: wholeNumber(0, largest)
      .default(0)
      .describe('How many bytes the originals of a collection may have together.'),
    COLLECTION_MAX_CHUNKS_PER_DAY: wholeNumber(0, largest)
      .default(0)
      .describe(
        'When the documents of a collection that were read on a day (UTC) have made this many chunks, its uploads are refused until the next day.',
      ),
  },
});

export const reconciler = group({
  title: 'Reconciler',
  variables: {
    RECONCILE_INTERVAL_MS: wholeNumber(100, 3_600_000).default(5_000).describe('The time between two turns of sweeps.'),
    RECONCILE_GRACE_MS: wholeNumber(0, 3_600_000)
      .default(10_000)
      .describe('How long a row waits for its delivery before the reconciler looks whether Redis still has it.'),
    ORPHAN_AGE_MS: wholeNumber(1_000, 30 * day)
      .default(3_600_000)
      .describe('A file in BLOB_DIR that no document names is deleted at this age (an hour).'),
    PAYLOAD_RETENTION_MS: wholeNumber(0, 3_650 * day)
      .default(30 * day)
      .describe('How long the texts of failed and cancelled chunks are kept for a retry (30 days).'),
    VERSIONS_KEPT: wholeNumber(0, 1_000)
      .default(1)
      .describe('How many old versions of each document with an external id are kept, to be brought back.'),
    HISTORY_RETENTION_MS: wholeNumber(3_600_000, 36_500 * day)
      .default(90 * day)
      .describe(
        'How long the history of ended jobs is kept (90 days): successful job chunks, attempts, retries, and who asked for them. Documents, their searchable chunks and what they lack stay. Nothing is removed while it can be retried.',
      ),
  },
});
