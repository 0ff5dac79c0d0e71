-- Up Migration

-- How the job reads its document (ReadingOptions of the contracts package), decided when it was accepted.
ALTER TABLE jobs ADD COLUMN reading jsonb NOT NULL
  DEFAULT '{"strategy": "structure", "maxTokens": 400, "overlapTokens": 50}';
ALTER TABLE jobs ALTER COLUMN reading DROP DEFAULT;

-- Down Migration

ALTER TABLE jobs DROP COLUMN reading;
