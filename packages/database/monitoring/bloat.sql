-- Bloat: how much of each larger table and B-tree is free space or dead rows, in percent
-- Needs: pgstattuple
-- Reads whole B-trees. Above some 50 percent, REINDEX INDEX CONCURRENTLY makes a B-tree compact again. The bloat of the
-- vector index cannot be measured: REINDEX it when its size has outgrown its rows (many deletions) or its recall has fallen.
SELECT c.relname AS name, 'table' AS kind, pg_size_pretty(pg_relation_size(c.oid)) AS size,
       round((t.approx_free_percent + t.dead_tuple_percent)::numeric, 1) AS bloat_percent
FROM pg_class c, LATERAL pgstattuple_approx(c.oid) t
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND pg_relation_size(c.oid) > 1024 * 1024
UNION ALL
SELECT c.relname, 'B-tree', pg_size_pretty(pg_relation_size(c.oid)), round((100 - b.avg_leaf_density)::numeric, 1)
FROM pg_class c JOIN pg_am am ON am.oid = c.relam AND am.amname = 'btree', LATERAL pgstatindex(c.oid::regclass) b
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i' AND pg_relation_size(c.oid) > 1024 * 1024
ORDER BY bloat_percent DESC;
