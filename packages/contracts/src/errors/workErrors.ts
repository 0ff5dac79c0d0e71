import { type ErrorEntry, permanent, retryable } from './entry';

/** What goes wrong with embedding, workers and the servers behind them. */
export const workErrors = {
  // Embedding
  EMBEDDING_RATE_LIMITED: retryable(
    503,
    'The embedding provider limits the rate of requests',
    'The work is tried again later by itself.',
  ),
  EMBEDDING_TIMEOUT: retryable(
    504,
    'The embedding provider did not answer in time',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_UNAVAILABLE: retryable(
    503,
    'The embedding provider cannot be reached or answers with an error',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_INVALID_RESPONSE: retryable(
    502,
    'The embedding provider gave an answer that cannot be used',
    'The work is tried again; check the provider if it stays.',
  ),
  EMBEDDING_REJECTED: permanent(
    502,
    'The embedding provider refuses the request',
    "Check EMBEDDING_MODEL, OPENAI_API_KEY and OPENAI_BASE_URL; the provider's words stand in the detail.",
  ),
  EMBEDDING_DIMENSION_MISMATCH: permanent(
    502,
    'The embedding provider returned vectors of the wrong length',
    'Set EMBEDDING_MODEL and EMBEDDING_DIMENSIONS to a pair that belongs together.',
  ),

  // Work and infrastructure
  CANCELLED: permanent(
    409,
    'The work was cancelled',
    "Retry the job's chunks to go on with it, or delete the document.",
  ),
  READER_LOST: retryable(
    503,
    'The process that read the document was killed',
    'The document is read again automatically. If it happens again, give the chunker more memory.',
  ),
  WORKER_LOST: retryable(503, 'The worker stopped before it finished', 'The work is tried again by itself.'),
  BLOB_MISSING: permanent(
    500,
    'The original file is gone from the blob store',
    'Check that every service uses the same BLOB_DIR; then delete the document and upload it again.',
  ),
  STORAGE_UNAVAILABLE: retryable(
    507,
    'The blob store cannot take the file',
    'Free space in BLOB_DIR or mend its permissions, then try again.',
  ),
  DATABASE_UNAVAILABLE: retryable(
    503,
    'The database cannot be reached',
    'Try again; check DATABASE_URL and the database server if it stays.',
  ),
  DATABASE_BUSY: retryable(
    503,
    'All connections to the database are in use',
    'Try again; raise DATABASE_POOL_MAX if it stays and the server allows more connections.',
  ),
  DATABASE_TIMEOUT: retryable(
    504,
    'The database took too long',
    'Try again; if it stays, look for what keeps the database busy, or raise DATABASE_STATEMENT_TIMEOUT_MS.',
  ),
  DATABASE_TLS_FAILED: permanent(
    503,
    'The connection to the database cannot be secured',
    "Check sslmode in DATABASE_URL, the CA in DATABASE_CA_FILE, and the server's certificate: who signed it, for which host, until when.",
  ),
  QUEUE_UNAVAILABLE: retryable(
    503,
    'Redis cannot be reached',
    'Try again; check REDIS_URL and the Redis server if it stays.',
  ),
  SETUP_INVALID: permanent(
    500,
    'This configuration does not fit what is set up',
    'Follow the message; it names the command.',
  ),
} as const satisfies Record<string, ErrorEntry>;
