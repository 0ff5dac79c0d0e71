-- Table sizes: rows, bytes of the table, of its TOAST (long texts) and of its indexes; dead rows
-- Many dead rows with an old last_vacuum: autovacuum does not keep up (autovacuum_vacuum_scale_factor), or a long
-- transaction or replication slot keeps it from removing them.
SELECT relname AS "table", n_live_tup AS rows,
       pg_size_pretty(pg_relation_size(relid)) AS heap,
       pg_size_pretty(pg_table_size(relid) - pg_relation_size(relid)) AS toast,
       pg_size_pretty(pg_indexes_size(relid)) AS indexes,
       pg_size_pretty(pg_total_relation_size(relid)) AS total,
       n_dead_tup AS dead_rows,
       round(100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0), 1) AS dead_percent,
       greatest(last_vacuum, last_autovacuum)::timestamptz(0) AS last_vacuum
FROM pg_stat_user_tables WHERE schemaname = 'public'
ORDER BY pg_total_relation_size(relid) DESC;
