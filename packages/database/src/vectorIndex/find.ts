import type { Sql } from '../connection/sql';
import { type Slot, slotOf } from '../signature/slots';
import { kindOf, type VectorIndexKind } from './kinds';
import type { VectorTable } from './vectorTable';

/** An index over the vectors of `document_chunks`, or of the table that will replace it. */
export interface VectorIndex {
  name: string;
  kind: VectorIndexKind;
  /** False while it is being built, and for the remains of an interrupted build. */
  valid: boolean;
  /** The signatures that it is over. Null when it is over the vectors, or over their signs, as in earlier versions. */
  signatures: IndexedSignatures | null;
  /** The parameters of the build, such as { m: 12, ef_construction: 64 }. For missing ones pgvector's defaults hold. */
  parameters: Record<string, number>;
  bytes: number;
  /** The planner's estimate of the table's rows, or null before the first ANALYZE. */
  tableRows: number | null;
  /** The planner's estimate of the share of documents that searches do not see, because they are versions that are not current. */
  hiddenShare: number;
}

/** The signatures of an index. */
export interface IndexedSignatures {
  slot: Slot;
  /** Identifies the mean that they are made with. */
  meanId: string;
  /** The number of vectors that the mean is of. 0 means that the mean is not known. */
  sampled: number;
}

interface IndexRow {
  name: string;
  method: string;
  operator_class: string;
  valid: boolean;
  reloptions: string[] | null;
  bytes: number;
  table_rows: number | null;
  hidden_share: number;
  signature: string | null;
  mean_id: string | null;
  sampled: number | null;
}

/** Returns all vector indexes of the kinds in vectorIndexKinds, the newest last. */
export async function findVectorIndexes(sql: Sql, table: VectorTable = 'document_chunks'): Promise<VectorIndex[]> {
  const rows = await sql.many<IndexRow>(
    `SELECT c.relname AS name, am.amname AS method, o.opcname AS operator_class, i.indisvalid AS valid, c.reloptions,
            pg_relation_size(c.oid)::float8 AS bytes, nullif(t.reltuples, -1)::float8 AS table_rows,
            (SELECT coalesce(greatest(h.reltuples, 0) / nullif(greatest(d.reltuples, 0), 0), 0)::float8
             FROM pg_class h, pg_class d
             WHERE h.oid = 'documents_hidden'::regclass AND d.oid = 'documents'::regclass) AS hidden_share,
            signature, s.id AS mean_id, s.sampled
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_am am ON am.oid = c.relam
       JOIN pg_opclass o ON o.oid = i.indclass[0]
       CROSS JOIN substring(pg_get_indexdef(c.oid) FROM '\\msignature_[ab]\\M') AS signature
       LEFT JOIN vector_signatures s ON s.vector_table = $1 AND 'signature_' || s.slot = signature
     WHERE i.indrelid = $1::regclass AND am.amname IN ('hnsw', 'ivfflat') ORDER BY c.oid`,
    [table],
  );
  return rows.flatMap((row) => {
    const kind = kindOf(row.method, row.operator_class);
    return kind === null ? [] : [indexOf(row, kind)];
  });
}

function indexOf(row: IndexRow, kind: VectorIndexKind): VectorIndex {
  const { name, bytes, mean_id: meanId, sampled } = row;
  const slot = slotOf(row.signature);
  return {
    name,
    kind,
    // A search must sign its query as the rows were signed. Without their mean it cannot.
    valid: row.valid && (slot === null || meanId !== null),
    signatures: slot === null || meanId === null ? null : { slot, meanId, sampled: sampled ?? 0 },
    bytes,
    parameters: parametersOf(row.reloptions ?? []),
    tableRows: row.table_rows,
    hiddenShare: Math.min(1, row.hidden_share),
  };
}

function parametersOf(options: readonly string[]): Record<string, number> {
  return Object.fromEntries(options.map((option) => option.split('=')).map(([name, value]) => [name, Number(value)]));
}
