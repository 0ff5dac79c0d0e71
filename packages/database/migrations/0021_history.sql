-- Up Migration

-- When the history of an ended job was removed: its successful chunks and all attempts.
ALTER TABLE jobs ADD COLUMN pruned_at timestamptz;
CREATE INDEX jobs_unpruned ON jobs (finished_at, id) WHERE finished_at IS NOT NULL AND pruned_at IS NULL;
-- A retry group is removed when no row refers to it.
CREATE INDEX chunk_attempts_retry_group ON chunk_attempts (retry_group_id) WHERE retry_group_id IS NOT NULL;

-- Down Migration

DROP INDEX chunk_attempts_retry_group;
DROP INDEX jobs_unpruned;
ALTER TABLE jobs DROP COLUMN pruned_at;
