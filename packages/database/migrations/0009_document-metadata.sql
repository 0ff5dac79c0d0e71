-- Up Migration

-- For searches that are limited to documents with certain metadata (the operator @>).
CREATE INDEX documents_metadata ON documents USING gin (metadata jsonb_path_ops);

-- Down Migration

DROP INDEX documents_metadata;
