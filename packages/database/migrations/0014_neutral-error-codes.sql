-- Up Migration

-- Codes that hold for any document no longer begin with PDF, TEXT or PARSER (docs/decisions/0017-error-codes.md).
CREATE TEMPORARY TABLE renamed_codes (old text PRIMARY KEY, new text NOT NULL) ON COMMIT DROP;
INSERT INTO renamed_codes VALUES
  ('PDF_NO_TEXT', 'DOCUMENT_NO_TEXT'),
  ('PDF_TOO_MANY_PAGES', 'DOCUMENT_TOO_MANY_PAGES'),
  ('PDF_TIMEOUT', 'DOCUMENT_TIMEOUT'),
  ('PDF_OPEN_TIMEOUT', 'DOCUMENT_OPEN_TIMEOUT'),
  ('PDF_UNREADABLE', 'DOCUMENT_UNREADABLE'),
  ('TEXT_TOO_LARGE', 'DOCUMENT_TOO_LARGE'),
  ('PARSER_LOST', 'READER_LOST');

UPDATE documents SET error_code = new FROM renamed_codes WHERE error_code = old;
UPDATE document_pages SET error_code = new FROM renamed_codes WHERE error_code = old;
UPDATE jobs SET error_code = new FROM renamed_codes WHERE error_code = old;

-- Down Migration

CREATE TEMPORARY TABLE renamed_codes (old text PRIMARY KEY, new text NOT NULL) ON COMMIT DROP;
INSERT INTO renamed_codes VALUES
  ('PDF_NO_TEXT', 'DOCUMENT_NO_TEXT'),
  ('PDF_TOO_MANY_PAGES', 'DOCUMENT_TOO_MANY_PAGES'),
  ('PDF_TIMEOUT', 'DOCUMENT_TIMEOUT'),
  ('PDF_OPEN_TIMEOUT', 'DOCUMENT_OPEN_TIMEOUT'),
  ('PDF_UNREADABLE', 'DOCUMENT_UNREADABLE'),
  ('TEXT_TOO_LARGE', 'DOCUMENT_TOO_LARGE'),
  ('PARSER_LOST', 'READER_LOST');

UPDATE documents SET error_code = old FROM renamed_codes WHERE error_code = new;
UPDATE document_pages SET error_code = old FROM renamed_codes WHERE error_code = new;
UPDATE jobs SET error_code = old FROM renamed_codes WHERE error_code = new;
