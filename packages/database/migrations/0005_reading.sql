-- Up Migration

-- How the job reads its document (ReadingOptions of the contracts package), decided when it was accepted. The default is
-- for services of the version before, which accept documents until they are replaced.
ALTER TABLE jobs ADD COLUMN reading jsonb NOT NULL
  DEFAULT '{"strategy": "structure", "maxTokens": 400, "overlapTokens": 50, "ocr": "auto"}';

ALTER TABLE document_pages DROP CONSTRAINT document_pages_outcome_check;
ALTER TABLE document_pages ADD CONSTRAINT document_pages_outcome_check
  CHECK (outcome IN ('text', 'ocr', 'empty', 'failed'));

-- Down Migration

UPDATE document_pages SET outcome = 'text' WHERE outcome = 'ocr';
ALTER TABLE document_pages DROP CONSTRAINT document_pages_outcome_check;
ALTER TABLE document_pages ADD CONSTRAINT document_pages_outcome_check CHECK (outcome IN ('text', 'empty', 'failed'));

ALTER TABLE jobs DROP COLUMN reading;
