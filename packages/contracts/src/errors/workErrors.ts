import { type ErrorEntry, permanent, retryable } from './entry';

/** What is wrong with embedding, with workers, or with the servers that they use. */
export const workErrors = {
  // Embedding
  EMBEDDING_RATE_LIMITED: retryable(
    503,
    'The embedding provider limits the rate of requests',
    'The work is tried again automatically.',
  ),
  EMBEDDING_TIMEOUT: retryable(
    504,
    'The embedding provider did not answer in time',
    'The work is tried again automatically. If it happens again, check the provider.',
  ),
  EMBEDDING_UNAVAILABLE: retryable(
    503,
    'The embedding provider cannot be reached or answers with an error',
    'The work is tried again automatically. If it happens again, check the provider.',
  ),
  EMBEDDING_INVALID_RESPONSE: retryable(
    502,
    'The answer of the embedding provider cannot be used',
    'The work is tried again automatically. If it happens again, check the provider.',
  ),
  EMBEDDING_REJECTED: permanent(
    502,
    'The embedding provider rejected the request',
    "The detail has the provider's own words. Check EMBEDDING_MODEL and the key and address of the provider.",
  ),
  EMBEDDING_DIMENSION_MISMATCH: permanent(
    502,
    'The embedding provider returned vectors of the wrong length',
    'Set EMBEDDING_DIMENSIONS to the length of the vectors of EMBEDDING_MODEL. If the model can shorten its vectors, OPENAI_SEND_DIMENSIONS=always asks for that length.',
  ),

  // Work and infrastructure
  CANCELLED: permanent(
    409,
    'The work was cancelled',
    'Retry the chunks of the job to continue it, or delete the document.',
  ),
  READER_LOST: retryable(
    503,
    'The process that read the document was killed',
    'The document is read again automatically. If it happens again, give the chunker more memory.',
  ),
  WORKER_LOST: retryable(503, 'The worker stopped before it finished', 'The work is tried again automatically.'),
  BLOB_MISSING: permanent(
    500,
    'The original is missing from the blob store',
    'Check that all services use the same BLOB_DIR. Then delete the document and upload it again.',
  ),
  STORAGE_UNAVAILABLE: retryable(
    507,
    'The blob store cannot store the file',
    'Free space in BLOB_DIR or correct its permissions, then try again.',
  ),
  DATABASE_UNAVAILABLE: retryable(
    503,
    'The database cannot be reached',
    'Try again. If it happens again, check DATABASE_URL and the database server.',
  ),
  DATABASE_BUSY: retryable(
    503,
    'All connections to the database are in use',
    'Try again. If it happens again and the server allows more connections, raise DATABASE_POOL_MAX.',
  ),
  DATABASE_TIMEOUT: retryable(
    504,
    'The database took too long',
    'Try again. If it happens again, find what keeps the database busy, or raise DATABASE_STATEMENT_TIMEOUT_MS.',
  ),
  DATABASE_TLS_FAILED: permanent(
    503,
    'The connection to the database cannot be secured',
    "Check sslmode in DATABASE_URL, the authority in DATABASE_CA_FILE, and the server's certificate: its signer, its host and its end date.",
  ),
  QUEUE_UNAVAILABLE: retryable(
    503,
    'Redis cannot be reached',
    'Try again. If it happens again, check REDIS_URL and the Redis server.',
  ),
  SETUP_INVALID: permanent(
    500,
    'The configuration does not match what is set up',
    'Do what the message says. It names the command.',
  ),
} as const satisfies Record<string, ErrorEntry>;
