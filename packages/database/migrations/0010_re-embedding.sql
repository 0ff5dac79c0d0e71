-- Up Migration

-- A change of the model or the dimensions of all vectors; the new ones are gathered in document_chunks_next, which is
-- there as long as one is running. Written by the owner's command alone, as the model in use is.
CREATE TABLE re_embeddings (
  id            uuid PRIMARY KEY,
  model         text NOT NULL,
  dimensions    integer NOT NULL,
  status        text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'cancelled')),
  -- Until then nothing is embedded with the old model, so that the last new vectors can catch up.
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

-- The vectors in use stay as they are.
DROP TABLE IF EXISTS document_chunks_next;
DELETE FROM jobs WHERE kind = 're-embed';
DROP INDEX jobs_re_embedding;
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check,
  ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('ingest'));
ALTER TABLE jobs DROP COLUMN re_embedding_id;
DROP TABLE re_embeddings;
