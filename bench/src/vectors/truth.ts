import type { Database } from '@millrace/database';
import { byClients } from '../clients';
import { type Scope, scopeCollections, scopes } from './rows';

/** How many nearest rows are kept for each query and scope. */
const truthDepth = 20;

/** The similarities of the nearest rows of each query, nearest first: `truth[scope][query]`. */
export type Truth = Record<Scope, number[][]>;

/**
 * Finds the nearest rows of each query exactly, by comparing all vectors.
 * @param from look only at documents from this id on.
 */
export async function findTruth(
  database: Database,
  queryVectors: readonly Float32Array[],
  from = '00000000-0000-0000-0000-000000000000',
): Promise<Truth> {
  const truth: Truth = { all: [], 'one-percent': [], 'one-thousandth': [] };
  const find = async (scope: Scope, query: number, vector: Float32Array) => {
    // No index is sorted by this expression, so every vector is compared.
    const rows = await database.sql.many<{ similarity: number }>(
      `SELECT 1 - ((embedding <=> $<vector>::vector) + 0) AS similarity FROM document_chunks
       WHERE document_id >= $<from> ${scope === 'all' ? '' : 'AND collection_id = $<collection>'}
       ORDER BY (embedding <=> $<vector>::vector) + 0 LIMIT $<truthDepth>`,
      {
        vector: `[${vector.join(',')}]`,
        from,
        collection: scope === 'all' ? null : scopeCollections[scope],
        truthDepth,
      },
    );
    truth[scope][query] = rows.map(({ similarity }) => similarity);
  };
  const tasks = scopes.flatMap((scope) =>
    [...queryVectors.entries()].map(
      ([n, vector]) =>
        () =>
          find(scope, n, vector),
    ),
  );
  await byClients(2, tasks);
  return truth;
}

/** Returns the truth over the rows of both. */
export function mergeTruth(one: Truth, other: Truth): Truth {
  const merge = (scope: Scope) =>
    one[scope].map((near, query) =>
      [...near, ...(other[scope][query] ?? [])].sort((a, b) => b - a).slice(0, truthDepth),
    );
  return { all: merge('all'), 'one-percent': merge('one-percent'), 'one-thousandth': merge('one-thousandth') };
}

/** The difference between sums in single and in double precision. */
const tolerance = 1e-5;

/**
 * Returns the share of the nearest `k` rows that a search has found, from 0 to 1. A hit counts when it is as near as the true
 * k-th row, so any of several equally near rows will do. It is 1 when there is nothing to find.
 * @param found the similarities of the rows found.
 */
export function recallAt(k: number, found: readonly number[], nearest: readonly number[] = []): number {
  const wanted = Math.min(k, nearest.length);
  const least = nearest[wanted - 1];
  if (least === undefined) {
    return 1;
  }
  const hits = found.slice(0, k).filter((similarity) => similarity >= least - tolerance).length;
  return Math.min(1, hits / wanted);
}
