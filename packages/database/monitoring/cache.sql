-- Cache hit ratio: the share of reads that found their page in shared_buffers, in percent
-- The index of document_chunks holds the vector index. Below about 99 while searching: shared_buffers is too small for
-- it, or searches are rare. (The system's own cache is not counted.)
SELECT relname AS "table",
       round(100.0 * heap_blks_hit / nullif(heap_blks_hit + heap_blks_read, 0), 2) AS heap_hit,
       round(100.0 * idx_blks_hit / nullif(idx_blks_hit + idx_blks_read, 0), 2) AS index_hit,
       round(100.0 * toast_blks_hit / nullif(toast_blks_hit + toast_blks_read, 0), 2) AS toast_hit,
       heap_blks_read + idx_blks_read + coalesce(toast_blks_read, 0) AS blocks_read
FROM pg_statio_user_tables WHERE schemaname = 'public'
ORDER BY blocks_read DESC;
