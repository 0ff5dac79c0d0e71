-- Connections: their role, their state, and for how long
-- "idle in transaction" for more than a few seconds holds locks and keeps vacuum from cleaning up.
SELECT coalesce(nullif(application_name, ''), '(none)') AS application, usename AS role, state, count(*) AS connections,
       count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting_for_locks,
       max(now() - state_change)::interval(0) AS longest_in_state,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') || ' of '
         || current_setting('max_connections') AS whole_server
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
GROUP BY application_name, usename, state
ORDER BY connections DESC, application;
