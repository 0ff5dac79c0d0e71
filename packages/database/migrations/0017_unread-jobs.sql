-- Up Migration

-- A job that waits for a chunker, or is read, has no chunks. An API of the version before queues an ingest job that has
-- some, to read its failed pages again. A chunker of today would read the whole document, and could not store it.
ALTER TABLE jobs ADD CONSTRAINT jobs_unread_check
  CHECK (status NOT IN ('queued', 'chunking') OR total_chunks IS NULL);

-- Down Migration

ALTER TABLE jobs DROP CONSTRAINT jobs_unread_check;
