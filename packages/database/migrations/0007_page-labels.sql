-- Up Migration

-- The document's own label for the page ("iv", "A-3"); null when it has no page labels.
ALTER TABLE document_pages ADD COLUMN label text;

-- Down Migration

ALTER TABLE document_pages DROP COLUMN label;
