-- Up Migration

-- Searches limited to documents whose metadata contains something (the operator @>).
CREATE INDEX documents_metadata ON documents USING gin (metadata jsonb_path_ops);

-- Down Migration

DROP INDEX documents_metadata;
