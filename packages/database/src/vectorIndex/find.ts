import type { Sql } from '../connection/sql';
import { kindOf, type VectorIndexKind } from './kinds';
import type { VectorTable } from './vectorTable';

/** An index over the vectors of `document_chunks`, or of the table that will replace it. */
export interface VectorIndex {
  name: string;
  kind: VectorIndexKind;
  /** False while it is being built, and for the remains of an interrupted build. */
  valid: boolean;
  /** The parameters of the build, such as { m: 12, ef_construction: 64 }. For missing ones pgvector's defaults hold. */
  parameters: Record<string, number>;
  bytes: number;
  /** The planner's estimate of the table's rows, or null before the first ANALYZE. */
  tableRows: number | null;
}

interface IndexRow {
  name: string;
  method: string;
  operator_class: string;
  valid: boolean;
  reloptions: string[] | null;
  bytes: number;
  table_rows: number | null;
}

/** Returns all vector indexes of the kinds in vectorIndexKinds, the newest last. */
export async function findVectorIndexes(sql: Sql, table: VectorTable = 'document_chunks'): Promise<VectorIndex[]> {
  const rows = await sql.many<IndexRow>(
    `SELECT c.relname AS name, am.amname AS method, o.opcname AS operator_class, i.indisvalid AS valid, c.reloptions,
            pg_relation_size(c.oid)::float8 AS bytes, nullif(t.reltuples, -1)::float8 AS table_rows
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_am am ON am.oid = c.relam
       JOIN pg_opclass o ON o.oid = i.indclass[0]
     WHERE i.indrelid = $1::regclass AND am.amname IN ('hnsw', 'ivfflat') ORDER BY c.oid`,
    [table],
  );
  return rows.flatMap(({ name, method, operator_class, valid, reloptions, bytes, table_rows }) => {
    const kind = kindOf(method, operator_class);
    return kind === null
      ? []
      : [{ name, kind, valid, bytes, parameters: parametersOf(reloptions ?? []), tableRows: table_rows }];
  });
}

function parametersOf(options: readonly string[]): Record<string, number> {
  return Object.fromEntries(options.map((option) => option.split('=')).map(([name, value]) => [name, Number(value)]));
}
