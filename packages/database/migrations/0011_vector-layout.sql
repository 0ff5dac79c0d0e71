-- Up Migration

-- Vectors stand in their rows, and long texts beside them in TOAST: a search compares hundreds of vectors for each ten texts
-- that it shows. 4080 bytes is half a page, room for 768 dimensions and what belongs to them.
ALTER TABLE document_chunks ALTER COLUMN embedding SET STORAGE MAIN;
ALTER TABLE document_chunks SET (toast_tuple_target = 4080);

-- One bit a dimension instead of the vectors themselves, where that costs nothing yet. A table that holds chunks keeps the
-- index it has: "millrace index build hnsw_binary" replaces it without stopping anybody.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM document_chunks) THEN
    DROP INDEX IF EXISTS document_chunks_embedding;
    EXECUTE format(
      'CREATE INDEX document_chunks_embedding ON document_chunks
         USING hnsw ((binary_quantize(embedding)::bit(%s)) bit_hamming_ops) WITH (m = 12, ef_construction = 64)',
      (SELECT atttypmod FROM pg_attribute
       WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'));
  END IF;
END
$$;

-- Down Migration

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM document_chunks) THEN
    DROP INDEX IF EXISTS document_chunks_embedding;
    CREATE INDEX document_chunks_embedding ON document_chunks USING hnsw (embedding vector_cosine_ops)
      WITH (m = 12, ef_construction = 48);
  END IF;
END
$$;
ALTER TABLE document_chunks SET (toast_tuple_target = 3000);
ALTER TABLE document_chunks ALTER COLUMN embedding SET STORAGE EXTERNAL;
