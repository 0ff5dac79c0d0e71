-- Up Migration

-- True for an encrypted PDF that came with its password. Its original is a copy without encryption, so no later upload of
-- the same file need replace it. Documents from before have false: while such a document is still read, an upload of the
-- same file with its password is answered with DOCUMENT_IN_PROGRESS instead of the document.
ALTER TABLE documents ADD COLUMN unlocked boolean NOT NULL DEFAULT false;

-- Down Migration

ALTER TABLE documents DROP COLUMN unlocked;
