import { type Scope, scopes } from './rows';

/** How many of the nearest rows are kept for each query and scope. */
export const truthDepth = 20;

/** A row beside which a query was held, and its cosine similarity. */
export interface Near {
  row: number;
  similarity: number;
}

/** The nearest rows of each query, nearest first: `truth[scope][query]`. */
export type Truth = Record<Scope, Near[][]>;

/** Finds each query's nearest rows exactly, by comparing every row that it is shown. */
export class NearestRows {
  private readonly nearest: Truth;

  constructor(
    private readonly queries: readonly Float32Array[],
    begin?: Truth,
  ) {
    const copy = (scope: Scope) => queries.map((_, query) => [...(begin?.[scope][query] ?? [])]);
    this.nearest = { all: copy('all'), 'one-percent': copy('one-percent'), 'one-thousandth': copy('one-thousandth') };
  }

  /** @param part the part of the set that the row is in, if any. */
  add(row: number, vector: Float32Array, part: Scope | null): void {
    for (const [query, wanted] of this.queries.entries()) {
      const near = { row, similarity: dot(wanted, vector) };
      insert(this.nearest.all[query] ?? [], near);
      if (part !== null && part !== 'all') {
        insert(this.nearest[part][query] ?? [], near);
      }
    }
  }

  /** Takes over what was found among other rows. */
  merge(other: Truth): void {
    for (const scope of scopes) {
      for (const [query, found] of other[scope].entries()) {
        for (const near of found) {
          insert(this.nearest[scope][query] ?? [], near);
        }
      }
    }
  }

  truth(): Truth {
    return this.nearest;
  }
}

/** Keeps the list sorted, nearest first and the lower row first of two that are as near, and no longer than is wanted. */
function insert(list: Near[], near: Near): void {
  const last = list.at(-1);
  if (list.length === truthDepth && last !== undefined && !isNearer(near, last)) {
    return;
  }
  let at = list.length;
  for (; at > 0; at -= 1) {
    const before = list[at - 1];
    if (before === undefined || !isNearer(near, before)) {
      break;
    }
  }
  list.splice(at, 0, near);
  list.length = Math.min(list.length, truthDepth);
}

function isNearer(a: Near, b: Near): boolean {
  return a.similarity > b.similarity || (a.similarity === b.similarity && a.row < b.row);
}

/** Both vectors are of unit length, so this is the cosine. Four sums at once take a quarter of the time of one. */
function dot(a: Float32Array, b: Float32Array): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let n = 0; n + 3 < a.length; n += 4) {
    first += (a[n] as number) * (b[n] as number);
    second += (a[n + 1] as number) * (b[n + 1] as number);
    third += (a[n + 2] as number) * (b[n + 2] as number);
    fourth += (a[n + 3] as number) * (b[n + 3] as number);
  }
  let rest = 0;
  for (let n = a.length - (a.length % 4); n < a.length; n += 1) {
    rest += (a[n] as number) * (b[n] as number);
  }
  return first + second + third + fourth + rest;
}

/** Between sums in single and in double precision. */
const tolerance = 1e-5;

/**
 * The share of the nearest `k` rows that a search has found, from 0 to 1: a hit counts when it is as near as the true
 * k-th, so that of rows that are equally near any will do. 1 where there is nothing to be found.
 * @param similarities of the rows that the search gave
 */
export function recallAt(k: number, similarities: readonly number[], nearest: readonly Near[]): number {
  const wanted = Math.min(k, nearest.length);
  const least = nearest[wanted - 1]?.similarity;
  if (least === undefined) {
    return 1;
  }
  const hits = similarities.slice(0, k).filter((similarity) => similarity >= least - tolerance).length;
  return Math.min(1, hits / wanted);
}
