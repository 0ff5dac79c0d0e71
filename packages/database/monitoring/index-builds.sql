-- Index builds: how far each CREATE INDEX or REINDEX has come
-- pgvector's phases of an HNSW build: initializing, loading tuples. Rows a second fall sharply once the graph no longer
-- fits into maintenance_work_mem, and the server sends a notice.
SELECT p.relid::regclass AS "table", coalesce(nullif(p.index_relid, 0)::regclass::text, '(not yet there)') AS "index",
       p.command, p.phase,
       round(100.0 * p.blocks_done / nullif(p.blocks_total, 0), 1) AS blocks_percent,
       round(100.0 * p.tuples_done / nullif(p.tuples_total, 0), 1) AS rows_percent,
       (now() - a.query_start)::interval(0) AS running
FROM pg_stat_progress_create_index p JOIN pg_stat_activity a USING (pid)
WHERE p.datname = current_database();
