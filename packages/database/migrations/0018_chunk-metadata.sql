-- Up Migration

-- Nothing reads it, and each stored chunk paid for it.
DROP INDEX document_chunks_created_at;

-- Down Migration

CREATE INDEX document_chunks_created_at ON document_chunks (created_at);
