-- Up Migration

-- Lists of documents and jobs, the newest first. Most rows are ready or completed, and a list of these goes through the
-- rows in order. So only the others are in indexes by status and by error code.
DROP INDEX documents_created_at;
CREATE INDEX documents_created_at ON documents (created_at, id);
CREATE INDEX documents_collection ON documents (collection_id, created_at, id);
CREATE INDEX documents_not_ready ON documents (status, created_at, id) WHERE status <> 'ready';
CREATE INDEX documents_error_code ON documents (error_code, created_at, id) WHERE error_code IS NOT NULL;
CREATE INDEX jobs_created_at ON jobs (created_at, id);
CREATE INDEX jobs_not_completed ON jobs (status, created_at, id)
  WHERE status IN ('completed_with_errors', 'failed', 'cancelled');
CREATE INDEX jobs_error_code ON jobs (error_code, created_at, id) WHERE error_code IS NOT NULL;
CREATE INDEX retry_groups_requested_at ON retry_groups (requested_at, id);
CREATE INDEX retry_groups_request ON retry_groups USING gin (request jsonb_path_ops);

-- The words of a file name in lower case. White space and ASCII punctuation separate them, in every locale.
CREATE FUNCTION filename_words(filename text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT array_remove(regexp_split_to_array(lower(filename), '[\s!-/:-@\[-`{-~]+'), '') $$;
-- Its operator @@ finds words by their beginnings.
CREATE INDEX documents_filename ON documents USING gin (array_to_tsvector(filename_words(filename)));

-- Down Migration

DROP INDEX documents_filename;
DROP FUNCTION filename_words(text);
DROP INDEX retry_groups_request;
DROP INDEX retry_groups_requested_at;
DROP INDEX jobs_error_code;
DROP INDEX jobs_not_completed;
DROP INDEX jobs_created_at;
DROP INDEX documents_error_code;
DROP INDEX documents_not_ready;
DROP INDEX documents_collection;
DROP INDEX documents_created_at;
CREATE INDEX documents_created_at ON documents (created_at);
