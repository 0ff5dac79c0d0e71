-- Up Migration

-- A change of the model or the dimensions of all vectors. The new vectors are collected in document_chunks_next, which
-- exists as long as a change is running. Only the owner's command writes this table, like the current model.
CREATE TABLE re_embeddings (
  id            uuid PRIMARY KEY,
  model         text NOT NULL,
  dimensions    integer NOT NULL,
  status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'cancelled')),
  -- Until then nothing is embedded with the old model, so that the last new vectors can be made.
  closing_until timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  finished_at   timestamptz
);
CREATE UNIQUE INDEX re_embeddings_running ON re_embeddings (status) WHERE status = 'running';

ALTER TABLE jobs ADD COLUMN re_embedding_id uuid REFERENCES re_embeddings;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check,
  ADD CONSTRAINT jobs_kind_check
    CHECK (kind IN ('ingest', 're-embed') AND (kind = 're-embed') = (re_embedding_id IS NOT NULL));
CREATE INDEX jobs_re_embedding ON jobs (re_embedding_id, status) WHERE re_embedding_id IS NOT NULL;

-- Down Migration

-- The vectors in use do not change.
DROP TABLE IF EXISTS document_chunks_next;
DELETE FROM jobs WHERE kind = 're-embed';
DROP INDEX jobs_re_embedding;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check,
  ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('ingest'));
ALTER TABLE jobs DROP COLUMN re_embedding_id;
DROP TABLE re_embeddings;
