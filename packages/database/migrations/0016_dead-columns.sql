-- Up Migration

-- Nothing has ever read or written these. Chunks are prioritized in the queue, and a version or an external id of a
-- document gets its column with the feature that uses it.
ALTER TABLE documents DROP COLUMN external_id, DROP COLUMN version;
ALTER TABLE jobs DROP COLUMN priority;

-- Down Migration

ALTER TABLE documents ADD COLUMN external_id text, ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
