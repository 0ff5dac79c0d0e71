-- Up Migration

-- Vectors are stored in their rows, and long texts outside in TOAST: a search compares hundreds of vectors for ten texts
-- that it shows. 4080 bytes is half a page, which has room for 768 dimensions and the row's other columns.
ALTER TABLE document_chunks ALTER COLUMN embedding SET STORAGE MAIN;
ALTER TABLE document_chunks SET (toast_tuple_target = 4080);

-- An empty table gets an index of one bit a dimension. A table with chunks keeps its index: the command
-- "millrace index build hnsw_binary" replaces it without stopping searches.
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
