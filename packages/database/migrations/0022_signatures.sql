-- Up Migration

-- The vector indexes of the kinds hnsw_binary and ivfflat_binary are over signatures: bits that the services make of a
-- vector less the mean of all vectors. The columns take turns when the mean changes. Only one is usually in use.
ALTER TABLE document_chunks ADD COLUMN signature_a bit varying, ADD COLUMN signature_b bit varying;
-- Stored in the row like the vector: a search reads some hundred of them.
ALTER TABLE document_chunks ALTER COLUMN signature_a SET STORAGE MAIN, ALTER COLUMN signature_b SET STORAGE MAIN;

-- How the signatures of each column are made. Only the owner's commands write this table, like the current model.
CREATE TABLE vector_signatures (
  vector_table text NOT NULL CHECK (vector_table IN ('document_chunks', 'document_chunks_next')),
  slot         text NOT NULL CHECK (slot IN ('a', 'b')),
  id           uuid NOT NULL,
  -- NULL counts as zero.
  mean         vector,
  -- The number of vectors that the mean is of.
  sampled      integer NOT NULL,
  -- False while the stored vectors are getting their signatures.
  complete     boolean NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (vector_table, slot),
  UNIQUE (id)
);
INSERT INTO vector_signatures (vector_table, slot, id, sampled, complete)
VALUES ('document_chunks', 'a', gen_random_uuid(), 0, true);

-- An empty table gets an index over signatures. A table with chunks keeps its index over the signs of the vectors, which
-- searches still use: the command "millrace index rebuild" makes the signatures and replaces it without stopping searches.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM document_chunks)
    AND EXISTS (SELECT FROM pg_indexes
                WHERE indexname = 'document_chunks_embedding' AND schemaname = 'public' AND indexdef LIKE '%binary_quantize%') THEN
    DROP INDEX document_chunks_embedding;
    EXECUTE format(
      'CREATE INDEX document_chunks_embedding ON document_chunks
         USING hnsw ((signature_a::bit(%s)) bit_hamming_ops) WITH (m = 12, ef_construction = 64)',
      (SELECT 2 * atttypmod FROM pg_attribute
       WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'));
  END IF;
END
$$;

-- Down Migration

-- The indexes over signatures are dropped with their columns. An empty table gets the former index. Otherwise searches
-- compare all rows until an index is built.
ALTER TABLE document_chunks DROP COLUMN signature_a, DROP COLUMN signature_b;
DROP TABLE vector_signatures;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM document_chunks) AND to_regclass('document_chunks_embedding') IS NULL THEN
    EXECUTE format(
      'CREATE INDEX document_chunks_embedding ON document_chunks
         USING hnsw ((binary_quantize(embedding)::bit(%s)) bit_hamming_ops) WITH (m = 12, ef_construction = 64)',
      (SELECT atttypmod FROM pg_attribute
       WHERE attrelid = 'document_chunks'::regclass AND attname = 'embedding'));
  END IF;
END
$$;
