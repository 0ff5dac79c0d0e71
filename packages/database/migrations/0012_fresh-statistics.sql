-- Up Migration

-- Searches ask the planner how much their filter leaves, and it knows a collection that has come since only once the table has
-- been analyzed: after each fiftieth of its rows instead of each tenth. It looks at a sample, whose size does not grow.
ALTER TABLE document_chunks SET (autovacuum_analyze_scale_factor = 0.02);

-- Down Migration

ALTER TABLE document_chunks RESET (autovacuum_analyze_scale_factor);
