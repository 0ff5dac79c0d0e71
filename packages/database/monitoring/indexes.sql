-- Indexes: size, how often each was used, and whether it is whole
-- An interrupted CREATE INDEX CONCURRENTLY leaves an index of state INVALID: drop it. A large index that is never used on
-- any server (each replica has its own counts) may be dropped. UNIQUE indexes are needed for their constraint.
SELECT s.relname AS "table", s.indexrelname AS "index", am.amname AS kind,
       pg_size_pretty(pg_relation_size(s.indexrelid)) AS size, s.idx_scan AS scans,
       CASE WHEN NOT i.indisvalid THEN 'INVALID' WHEN i.indisunique THEN 'unique' ELSE '' END AS state
FROM pg_stat_user_indexes s
JOIN pg_index i ON i.indexrelid = s.indexrelid
JOIN pg_class c ON c.oid = s.indexrelid
JOIN pg_am am ON am.oid = c.relam
WHERE s.schemaname = 'public'
ORDER BY pg_relation_size(s.indexrelid) DESC, s.indexrelname;
