import type { Sql } from '../connection/sql';
import { findVectorIndexes, type VectorIndex } from './find';

/** How long a list of indexes is used, in milliseconds. */
const validForMs = 2_000;

/**
 * Caches the vector indexes of one server. They change rarely, and reading them takes a tenth of a search's time. A search
 * that plans with a dropped index compares all vectors, which is slow but not wrong. VectorIndexBuilder therefore keeps the
 * old index until every process knows the new one. A list is of the vectors of one model: a re-embedding replaces the table
 * with its indexes and the means of its signatures at once.
 */
export class KnownIndexes {
  private known: readonly VectorIndex[] = [];
  /** The vectors that the list is for. */
  private vectors: string | undefined;
  private until = Number.NEGATIVE_INFINITY;

  /** Returns the indexes over the vectors of this model, which is given by its key, with this many dimensions. */
  async list(sql: Sql, model: string, dimensions: number): Promise<readonly VectorIndex[]> {
    const vectors = `${model} ${dimensions}`;
    if (performance.now() >= this.until || vectors !== this.vectors) {
      this.known = await findVectorIndexes(sql);
      this.vectors = vectors;
      this.until = performance.now() + validForMs;
    }
    return this.known;
  }

  /** Makes the next search read the indexes again. */
  forget(): void {
    this.until = Number.NEGATIVE_INFINITY;
  }
}
