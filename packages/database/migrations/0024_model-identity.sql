-- Up Migration

-- What is put before a text belongs to the model that embeds it: its prefixes, and whether the headings above the text.
-- Each chunk names its model by the key, so that a vector of one identity is never taken for one of another. For a model
-- without such additions, the key is its name, as before.
ALTER TABLE embedding_settings
  ADD COLUMN query_prefix    text NOT NULL DEFAULT '',
  ADD COLUMN document_prefix text NOT NULL DEFAULT '',
  ADD COLUMN context         text NOT NULL DEFAULT 'none' CHECK (context IN ('none', 'headings'));
ALTER TABLE embedding_settings ADD COLUMN model_key text NOT NULL GENERATED ALWAYS AS (
  CASE WHEN query_prefix = '' AND document_prefix = '' AND context = 'none' THEN model
       ELSE model || '~' || left(md5(query_prefix || E'\x1f' || document_prefix || E'\x1f' || context), 8) END) STORED;

ALTER TABLE re_embeddings
  ADD COLUMN query_prefix    text NOT NULL DEFAULT '',
  ADD COLUMN document_prefix text NOT NULL DEFAULT '',
  ADD COLUMN context         text NOT NULL DEFAULT 'none' CHECK (context IN ('none', 'headings'));
ALTER TABLE re_embeddings ADD COLUMN model_key text NOT NULL GENERATED ALWAYS AS (
  CASE WHEN query_prefix = '' AND document_prefix = '' AND context = 'none' THEN model
       ELSE model || '~' || left(md5(query_prefix || E'\x1f' || document_prefix || E'\x1f' || context), 8) END) STORED;

-- The hash of what was embedded; NULL when that is the content alone. The embedding cache looks for it.
ALTER TABLE document_chunks ADD COLUMN embedding_hash text;
DROP INDEX document_chunks_cache;
CREATE INDEX document_chunks_cache ON document_chunks (coalesce(embedding_hash, content_hash), embedding_model)
  WHERE embedding IS NOT NULL;

-- Down Migration

-- The rows keep the keys, so the keys become the names. Services of the version before then refuse to start. Otherwise their
-- searches would find nothing. A re-embedding makes vectors that they can use.
UPDATE embedding_settings SET model = model_key;
UPDATE re_embeddings SET model = model_key;

DROP INDEX document_chunks_cache;
CREATE INDEX document_chunks_cache ON document_chunks (content_hash, embedding_model) WHERE embedding IS NOT NULL;
ALTER TABLE document_chunks DROP COLUMN embedding_hash;
ALTER TABLE re_embeddings DROP COLUMN model_key, DROP COLUMN context, DROP COLUMN document_prefix,
  DROP COLUMN query_prefix;
ALTER TABLE embedding_settings DROP COLUMN model_key, DROP COLUMN context, DROP COLUMN document_prefix,
  DROP COLUMN query_prefix;
