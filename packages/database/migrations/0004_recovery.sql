-- Up Migration

-- A document is deleted in one transaction, so it needs no status for that.
ALTER TABLE documents DROP CONSTRAINT documents_status_check;
ALTER TABLE documents ADD CONSTRAINT documents_status_check
  CHECK (status IN ('queued', 'processing', 'ready', 'partial', 'failed', 'cancelled'));

-- When a job whose reading failed is due again. Its delivery waits until then.
ALTER TABLE jobs ADD COLUMN next_attempt_at timestamptz;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- One request of an operator to retry chunks.
CREATE TABLE retry_groups (
  id           uuid PRIMARY KEY,
  -- The request, as it was sent.
  request      jsonb NOT NULL,
  force        boolean NOT NULL,
  scheduled    integer NOT NULL DEFAULT 0,
  requested_at timestamptz NOT NULL DEFAULT now()
);

-- The last retry that restarted the job. The chunks that it gets belong to the group.
ALTER TABLE jobs ADD COLUMN retry_group_id uuid REFERENCES retry_groups;
ALTER TABLE job_chunks ADD COLUMN retry_group_id uuid REFERENCES retry_groups;
ALTER TABLE chunk_attempts ADD COLUMN retry_group_id uuid REFERENCES retry_groups;
CREATE INDEX jobs_retry_group ON jobs (retry_group_id) WHERE retry_group_id IS NOT NULL;
CREATE INDEX job_chunks_retry_group ON job_chunks (retry_group_id, status) WHERE retry_group_id IS NOT NULL;

-- The reconciler goes through the rows that wait for a delivery in the order of their ids, again and again.
DROP INDEX job_chunks_pending;
DROP INDEX job_chunks_retries;
CREATE INDEX job_chunks_waiting ON job_chunks (id) WHERE status IN ('pending', 'retry_scheduled');
-- Failures by code and time, for bulk retries; and payloads that are kept for a retry until their retention ends.
CREATE INDEX job_chunks_failed ON job_chunks (last_error_code, updated_at) WHERE status = 'failed';
CREATE INDEX job_chunks_kept_payloads ON job_chunks (updated_at)
  WHERE status IN ('failed', 'cancelled') AND payload IS NOT NULL;

-- Provider pauses: the provider of a model limits the rate or is unavailable, and its work waits until `paused_until`.
CREATE TABLE provider_pauses (
  model        text PRIMARY KEY,
  paused_until timestamptz NOT NULL,
  -- Since when no call has succeeded, and how many pauses have begun since.
  since        timestamptz NOT NULL DEFAULT now(),
  pauses       integer NOT NULL DEFAULT 1,
  error_code   text NOT NULL,
  error        text NOT NULL
);

-- Texts that are being embedded, so that two workers never pay for the same text at the same time. Calls go on while the
-- server crashes and restarts, so the table survives that.
CREATE TABLE embedding_claims (
  content_hash text NOT NULL,
  model        text NOT NULL,
  token        uuid NOT NULL,
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (content_hash, model)
);

-- Down Migration

DROP TABLE embedding_claims;
DROP TABLE provider_pauses;
DROP INDEX job_chunks_kept_payloads;
DROP INDEX job_chunks_failed;
DROP INDEX job_chunks_waiting;
CREATE INDEX job_chunks_retries ON job_chunks (next_attempt_at) WHERE status = 'retry_scheduled';
CREATE INDEX job_chunks_pending ON job_chunks (updated_at) WHERE status = 'pending';
ALTER TABLE chunk_attempts DROP COLUMN retry_group_id;
ALTER TABLE job_chunks DROP COLUMN retry_group_id;
ALTER TABLE jobs DROP COLUMN retry_group_id;
DROP TABLE retry_groups;
DROP INDEX jobs_finished;
ALTER TABLE jobs DROP COLUMN next_attempt_at;
ALTER TABLE documents DROP CONSTRAINT documents_status_check;
ALTER TABLE documents ADD CONSTRAINT documents_status_check
  CHECK (status IN ('queued', 'processing', 'ready', 'partial', 'failed', 'cancelled', 'deleting'));
