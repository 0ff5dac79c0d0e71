-- Up Migration

-- What was wrong with the page's text layer; null when it was fine, or there was none.
ALTER TABLE document_pages ADD COLUMN text_layer text
  CONSTRAINT document_pages_text_layer_check CHECK (text_layer IN ('replaced', 'suspect'));

-- Down Migration

ALTER TABLE document_pages DROP COLUMN text_layer;
