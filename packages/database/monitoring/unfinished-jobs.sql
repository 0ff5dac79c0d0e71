-- Unfinished jobs: how many in each state, how old the oldest is, and what it does
-- A "last_change" of many minutes is normal only for jobs that wait behind others; docs/lifecycle.md says who acts when.
SELECT status, count(*) AS jobs, max(now() - created_at)::interval(0) AS oldest, max(now() - updated_at)::interval(0) AS last_change,
       (array_agg(id ORDER BY created_at))[1] AS oldest_job,
       (array_agg(current_step ORDER BY created_at))[1] AS its_step,
       sum(total_chunks - processed_chunks - failed_chunks) AS open_chunks
FROM jobs WHERE status IN ('queued', 'chunking', 'processing', 'retrying')
GROUP BY status ORDER BY oldest DESC;
