-- Up Migration

-- Nothing has ever read or written these. A version or an external id of a document gets its column with the feature that
-- uses it. jobs.priority, which nothing uses now, stays: services of the version before still read it.
ALTER TABLE documents DROP COLUMN external_id, DROP COLUMN version;

-- Down Migration

ALTER TABLE documents ADD COLUMN external_id text, ADD COLUMN version integer NOT NULL DEFAULT 1;
