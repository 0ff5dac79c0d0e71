-- Up Migration

-- How a broken original was made readable (DocumentRepair of the contracts package); null when it was not broken.
ALTER TABLE documents ADD COLUMN repair text CHECK (repair IN ('TRAILER_REBUILT', 'PAGES_REBUILT'));

-- Down Migration

ALTER TABLE documents DROP COLUMN repair;
