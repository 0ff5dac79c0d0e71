-- Up Migration

-- How the job reads its document (ReadingOptions of the contracts package), decided when it was accepted. The default is
-- for services of the version before, which accept documents until they are replaced.
ALTER TABLE jobs ADD COLUMN reading jsonb NOT NULL
  DEFAULT '{"strategy": "structure", "maxTokens": 400, "overlapTokens": 50}';

-- Down Migration

ALTER TABLE jobs DROP COLUMN reading;
