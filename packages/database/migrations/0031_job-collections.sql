-- Up Migration

-- The collection of the job's document. Moving a document changes it. Lists of jobs find the newest of a collection by it, and
-- claims and deliveries need not look at the document.
ALTER TABLE jobs ADD COLUMN collection_id uuid;
UPDATE jobs j SET collection_id = d.collection_id FROM documents d WHERE d.id = j.document_id;
ALTER TABLE jobs ALTER COLUMN collection_id SET NOT NULL;
CREATE INDEX jobs_collection ON jobs (collection_id, created_at, id);

-- Services of the version before insert jobs without it until they are replaced.
CREATE FUNCTION fill_job_collection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT collection_id INTO NEW.collection_id FROM documents WHERE id = NEW.document_id;
  RETURN NEW;
END $$;
CREATE TRIGGER jobs_without_collection BEFORE INSERT ON jobs
  FOR EACH ROW WHEN (NEW.collection_id IS NULL) EXECUTE FUNCTION fill_job_collection();

-- Each settlement and each renewal of a lease changes updated_at. With that in no index, it writes only to the table and to no
-- index at all.
DROP INDEX jobs_unfinished;
CREATE INDEX jobs_unfinished ON jobs (status, created_at)
  WHERE status IN ('queued', 'chunking', 'processing', 'retrying');

-- Down Migration

DROP INDEX jobs_unfinished;
CREATE INDEX jobs_unfinished ON jobs (status, updated_at)
  WHERE status IN ('queued', 'chunking', 'processing', 'retrying');
DROP TRIGGER jobs_without_collection ON jobs;
DROP FUNCTION fill_job_collection();
ALTER TABLE jobs DROP COLUMN collection_id;
