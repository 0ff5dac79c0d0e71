-- Up Migration

-- Reading failed pages again is a job of its own. Before, an ingest job that already had chunks was queued again.
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check,
  ADD CONSTRAINT jobs_kind_check
    CHECK (kind IN ('ingest', 'reread', 're-embed') AND (kind = 're-embed') = (re_embedding_id IS NOT NULL));
-- A document's failed pages are read by one job at a time.
CREATE UNIQUE INDEX jobs_reread ON jobs (document_id) WHERE kind = 'reread' AND status IN ('queued', 'chunking');

-- Jobs that wait to read failed pages again, or read them, become a new job each, which begins to read again. The job
-- itself ends as its chunks say; a chunker that holds it loses its lease. The document stays in processing until the
-- new job ends. The reconciler delivers the new job.
INSERT INTO jobs (id, document_id, kind, current_step, max_retries, chunk_max_retries, reading, queue_job_id,
                  dispatch_count, retry_group_id)
SELECT new_id, document_id, 'reread', 'waiting to read failed pages again', max_retries, chunk_max_retries, reading,
       new_id || '.1', 1, retry_group_id
FROM (SELECT gen_random_uuid() AS new_id, * FROM jobs
      WHERE kind = 'ingest' AND status IN ('queued', 'chunking') AND total_chunks IS NOT NULL) AS rereading;
UPDATE jobs j SET
  status = CASE WHEN processed_chunks > 0 THEN 'completed_with_errors' ELSE 'failed' END,
  current_step = CASE WHEN processed_chunks > 0 THEN 'completed_with_errors' ELSE 'failed' END,
  error_code = 'PAGE_FAILED', error = 'Some pages could not be read.', worker = NULL, lease_token = NULL,
  lease_expires_at = NULL, next_attempt_at = NULL, retry_group_id = NULL, finished_at = now(), updated_at = now()
WHERE kind = 'ingest' AND status IN ('queued', 'chunking') AND total_chunks IS NOT NULL;

-- Down Migration

-- The chunks of reread jobs go back to the ingest job; their indexes continue after its own.
CREATE TEMPORARY TABLE rereads ON COMMIT DROP AS
SELECT r.id, i.id AS ingest_id, r.status, r.total_chunks, r.processed_chunks, r.failed_chunks
FROM jobs r JOIN LATERAL (
  SELECT id FROM jobs WHERE document_id = r.document_id AND kind = 'ingest' ORDER BY created_at DESC, id DESC LIMIT 1
) AS i ON true
WHERE r.kind = 'reread';
-- The version before counts a cancelled chunk of a job that goes on as failed.
UPDATE job_chunks SET status = 'failed' WHERE status = 'cancelled' AND job_id IN (SELECT id FROM rereads);
UPDATE job_chunks c SET job_id = r.ingest_id, updated_at = now() FROM rereads r WHERE c.job_id = r.id;
-- A job that gets unsettled chunks goes on. One that was waiting for its pages, or reading them, is queued for that again.
UPDATE jobs j SET
  total_chunks = n.total, processed_chunks = n.success, failed_chunks = n.failed,
  status = CASE WHEN n.open > 0 THEN 'processing' WHEN n.unread THEN 'queued' ELSE j.status END,
  current_step = CASE WHEN n.open > 0 THEN 'embedding' WHEN n.unread THEN 'waiting to read failed pages again'
                      ELSE j.current_step END,
  attempts = CASE WHEN n.unread THEN 0 ELSE j.attempts END,
  dispatch_count = j.dispatch_count + 1, queue_job_id = j.id || '.' || (j.dispatch_count + 1),
  finished_at = CASE WHEN n.open > 0 OR n.unread THEN NULL ELSE j.finished_at END, updated_at = now()
FROM (
  SELECT i.id, bool_or(r.status IN ('queued', 'chunking')) AS unread, t.* FROM rereads r JOIN jobs i ON i.id = r.ingest_id,
    LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE c.status = 'success') AS success,
                    count(*) FILTER (WHERE c.status = 'failed') AS failed,
                    count(*) FILTER (WHERE c.status IN ('pending', 'processing', 'retry_scheduled')) AS open
             FROM job_chunks c WHERE c.job_id = i.id) AS t
  GROUP BY i.id, t.total, t.success, t.failed, t.open
) AS n
WHERE j.id = n.id;
DELETE FROM jobs WHERE kind = 'reread';
DROP INDEX jobs_reread;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check,
  ADD CONSTRAINT jobs_kind_check
    CHECK (kind IN ('ingest', 're-embed') AND (kind = 're-embed') = (re_embedding_id IS NOT NULL));
