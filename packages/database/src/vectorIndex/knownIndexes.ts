import type { Sql } from '../connection/sql';
import { findVectorIndexes, type VectorIndex } from './find';

/** How long a list of indexes is used, in milliseconds. */
const validForMs = 2_000;

/**
 * Caches the vector indexes of one server. They change rarely, and reading them takes a tenth of a search's time. A search
 * that plans with a dropped index compares all vectors, which is slow but not wrong. VectorIndexBuilder therefore keeps the
 * old index until every process knows the new one.
 */
export class KnownIndexes {
  private known: readonly VectorIndex[] = [];
  private until = Number.NEGATIVE_INFINITY;

  async list(sql: Sql): Promise<readonly VectorIndex[]> {
    if (performance.now() >= this.until) {
      this.known = await findVectorIndexes(sql);
      this.until = performance.now() + validForMs;
    }
    return this.known;
  }

  /** Makes the next search read the indexes again. */
  forget(): void {
    this.until = Number.NEGATIVE_INFINITY;
  }
}
