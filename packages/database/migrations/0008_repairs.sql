-- Up Migration

-- More ways to make a broken original readable (DocumentRepair of the contracts package).
ALTER TABLE documents DROP CONSTRAINT documents_repair_check,
  ADD CONSTRAINT documents_repair_check
    CHECK (repair IN ('XREF_REBUILT', 'TRAILER_REBUILT', 'PAGES_REBUILT', 'REWRITTEN'));

-- Down Migration

-- The nearest value that the version before knows.
UPDATE documents SET repair = CASE repair WHEN 'REWRITTEN' THEN 'PAGES_REBUILT' END
WHERE repair IN ('XREF_REBUILT', 'REWRITTEN');
ALTER TABLE documents DROP CONSTRAINT documents_repair_check,
  ADD CONSTRAINT documents_repair_check CHECK (repair IN ('TRAILER_REBUILT', 'PAGES_REBUILT'));
