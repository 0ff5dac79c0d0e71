-- Up Migration

-- Searches ask the planner how many rows their filter leaves. It knows a new collection only once the table was analyzed.
-- That now happens after each fiftieth of its rows instead of each tenth. It reads a sample, whose size does not grow.
ALTER TABLE document_chunks SET (autovacuum_analyze_scale_factor = 0.02);

-- Down Migration

ALTER TABLE document_chunks RESET (autovacuum_analyze_scale_factor);
