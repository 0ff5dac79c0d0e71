-- Slow statements: those that took the most time in total since the statistics were reset
-- Needs: pg_stat_statements
-- SELECT pg_stat_statements_reset() sets the counts to zero.
SELECT calls, round(total_exec_time::numeric) AS total_ms, round(mean_exec_time::numeric, 2) AS mean_ms,
       round(max_exec_time::numeric, 1) AS max_ms, rows,
       left(regexp_replace(query, '\s+', ' ', 'g'), 100) AS statement
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database()
ORDER BY total_exec_time DESC LIMIT 15;
