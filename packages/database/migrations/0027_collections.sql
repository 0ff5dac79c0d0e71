-- Up Migration

ALTER TABLE collections
  -- `deleting`: everything in it is being removed. Nobody finds it, and its name is free.
  ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleting')),
  -- A BCP 47 tag, such as en; null for an unknown or a mixed language.
  ADD COLUMN language text CHECK (char_length(language) BETWEEN 1 AND 100),
  -- Quotas; null for none.
  ADD COLUMN max_documents bigint CHECK (max_documents >= 0),
  ADD COLUMN max_bytes bigint CHECK (max_bytes >= 0),
  ADD COLUMN max_chunks_per_day bigint CHECK (max_chunks_per_day >= 0);
ALTER TABLE collections DROP CONSTRAINT collections_owner_id_name_key;
CREATE UNIQUE INDEX collections_name ON collections (owner_id, name) WHERE status = 'active';
CREATE INDEX collections_owner ON collections (owner_id);
CREATE INDEX collections_created_at ON collections (created_at, id);
CREATE INDEX collections_deleting ON collections (id) WHERE status = 'deleting';

-- How many documents a collection has, by their status, and how much is in them: the sums of these rows. A trigger adds a row for
-- each change, so that two transactions never wait for each other here. The reconciler merges rows.
CREATE TABLE collection_counts (
  collection_id uuid NOT NULL,
  status        text NOT NULL,
  documents     bigint NOT NULL,
  bytes         bigint NOT NULL,
  chunks        bigint NOT NULL,
  merged        boolean NOT NULL DEFAULT false
);
CREATE INDEX collection_counts_collection ON collection_counts (collection_id);
CREATE INDEX collection_counts_unmerged ON collection_counts (collection_id) WHERE NOT merged;

CREATE FUNCTION count_documents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO collection_counts (collection_id, status, documents, bytes, chunks)
    SELECT collection_id, status, count(*), sum(size_bytes), coalesce(sum(total_chunks), 0)
    FROM new_rows GROUP BY collection_id, status;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO collection_counts (collection_id, status, documents, bytes, chunks)
    SELECT collection_id, status, -count(*), -sum(size_bytes), -coalesce(sum(total_chunks), 0)
    FROM old_rows GROUP BY collection_id, status;
  ELSE
    INSERT INTO collection_counts (collection_id, status, documents, bytes, chunks)
    SELECT collection_id, status, sum(n), sum(n * size_bytes), sum(n * coalesce(total_chunks, 0))
    FROM (SELECT 1 AS n, collection_id, status, size_bytes, total_chunks FROM new_rows
          UNION ALL SELECT -1, collection_id, status, size_bytes, total_chunks FROM old_rows) AS changes
    GROUP BY collection_id, status
    HAVING sum(n) <> 0 OR sum(n * size_bytes) <> 0 OR sum(n * coalesce(total_chunks, 0)) <> 0;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER documents_inserted AFTER INSERT ON documents REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_documents();
CREATE TRIGGER documents_deleted AFTER DELETE ON documents REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_documents();
CREATE TRIGGER documents_updated AFTER UPDATE ON documents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION count_documents();

-- The triggers' lock keeps documents as they are until the end of this transaction.
INSERT INTO collection_counts (collection_id, status, documents, bytes, chunks, merged)
SELECT collection_id, status, count(*), sum(size_bytes), coalesce(sum(total_chunks), 0), true
FROM documents GROUP BY collection_id, status;

-- How many chunks the reading of documents has made on a day (UTC).
CREATE TABLE collection_days (
  collection_id uuid NOT NULL REFERENCES collections ON DELETE CASCADE,
  day           date NOT NULL,
  chunks        bigint NOT NULL,
  PRIMARY KEY (collection_id, day)
);
CREATE INDEX collection_days_day ON collection_days (day);

-- Down Migration

DROP TABLE collection_days;
DROP TRIGGER documents_updated ON documents;
DROP TRIGGER documents_deleted ON documents;
DROP TRIGGER documents_inserted ON documents;
DROP FUNCTION count_documents();
DROP TABLE collection_counts;
DROP INDEX collections_deleting;
DROP INDEX collections_created_at;
DROP INDEX collections_owner;
DROP INDEX collections_name;
-- Without the status they would be back, with names that may be taken again.
DELETE FROM collections WHERE status = 'deleting';
ALTER TABLE collections ADD CONSTRAINT collections_owner_id_name_key UNIQUE (owner_id, name);
ALTER TABLE collections DROP COLUMN status, DROP COLUMN language, DROP COLUMN max_documents, DROP COLUMN max_bytes,
  DROP COLUMN max_chunks_per_day;
