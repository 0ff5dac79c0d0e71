import type { Sql } from '../sql';
import { findVectorIndexes, type VectorIndex } from './find';

/**
 * How long what was found holds, in milliseconds. A search by an index that is gone by then is slow, not wrong; who puts
 * another in its place waits that long before dropping it.
 */
export const indexesKnownForMs = 2_000;

/** The vector indexes, asked for once in a while: they change rarely, and asking takes a tenth of a search's time. */
export class KnownIndexes {
  private known: readonly VectorIndex[] = [];
  private until = Number.NEGATIVE_INFINITY;

  async list(sql: Sql): Promise<readonly VectorIndex[]> {
    if (performance.now() >= this.until) {
      this.known = await findVectorIndexes(sql);
      this.until = performance.now() + indexesKnownForMs;
    }
    return this.known;
  }

  /** They have changed: the next search asks. */
  forget(): void {
    this.until = Number.NEGATIVE_INFINITY;
  }
}
