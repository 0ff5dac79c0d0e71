-- Up Migration

CREATE TABLE jobs (
  id                uuid PRIMARY KEY,
  document_id       uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
  kind              text NOT NULL CHECK (kind IN ('ingest')),
  status            text NOT NULL DEFAULT 'queued'
                    CHECK (status IN ('queued', 'chunking', 'processing', 'retrying', 'completed',
                                      'completed_with_errors', 'failed', 'cancelled')),
  current_step      text NOT NULL,
  total_chunks      integer,
  processed_chunks  integer NOT NULL DEFAULT 0,
  failed_chunks     integer NOT NULL DEFAULT 0,
  -- How many retry rounds have begun, and how many there may be.
  retry_count       integer NOT NULL DEFAULT 0,
  max_retries       integer NOT NULL,
  -- The max_retries of each of the job's chunks.
  chunk_max_retries integer NOT NULL,
  error_code        text,
  error             text,
  priority          integer NOT NULL DEFAULT 0,
  -- How often a chunker has claimed the job, and the lease of the chunker that holds it.
  attempts          integer NOT NULL DEFAULT 0,
  worker            text,
  lease_token       uuid,
  lease_expires_at  timestamptz,
  queue_job_id      text NOT NULL,
  dispatch_count    integer NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  started_at        timestamptz,
  finished_at       timestamptz
);
CREATE INDEX jobs_document ON jobs (document_id, created_at);
CREATE INDEX jobs_unfinished ON jobs (status, updated_at)
  WHERE status IN ('queued', 'chunking', 'processing', 'retrying');

CREATE TABLE job_chunks (
  id               uuid PRIMARY KEY,
  job_id           uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
  chunk_index      integer NOT NULL,
  page_start       integer NOT NULL,
  page_end         integer NOT NULL,
  page_count       integer NOT NULL,
  has_overlap      boolean NOT NULL,
  -- Text and metadata until the chunk is a success; null afterwards.
  payload          jsonb,
  storage_url      text,
  chunk_hash       text NOT NULL,
  content_hash     text NOT NULL,
  status           text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'processing', 'success', 'failed', 'retry_scheduled', 'cancelled')),
  attempts         integer NOT NULL DEFAULT 0,
  max_retries      integer NOT NULL,
  worker           text,
  lease_token      uuid,
  lease_expires_at timestamptz,
  queue_job_id     text NOT NULL,
  dispatch_count   integer NOT NULL,
  next_attempt_at  timestamptz,
  last_error       text,
  last_error_code  text,
  result_json      jsonb,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  processed_at     timestamptz,
  UNIQUE (job_id, chunk_index),
  -- A chunk has a lease exactly while it is being worked on.
  CHECK ((status = 'processing') = (lease_token IS NOT NULL AND lease_expires_at IS NOT NULL))
);
-- A payload is written once and read once or twice. Compressing it takes longer than it saves.
ALTER TABLE job_chunks ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX job_chunks_job_status ON job_chunks (job_id, status);
CREATE INDEX job_chunks_leases ON job_chunks (lease_expires_at) WHERE status = 'processing';
CREATE INDEX job_chunks_retries ON job_chunks (next_attempt_at) WHERE status = 'retry_scheduled';
CREATE INDEX job_chunks_pending ON job_chunks (updated_at) WHERE status = 'pending';

-- A chunk that succeeds at the first attempt has no row here.
CREATE TABLE chunk_attempts (
  job_chunk_id uuid NOT NULL REFERENCES job_chunks ON DELETE CASCADE,
  attempt      integer NOT NULL,
  round        integer NOT NULL,
  worker       text,
  outcome      text NOT NULL CHECK (outcome IN ('failed', 'success')),
  error_code   text,
  error        text,
  started_at   timestamptz,
  finished_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_chunk_id, attempt)
);

-- Down Migration

DROP TABLE chunk_attempts;
DROP TABLE job_chunks;
DROP TABLE jobs;
