import type { Sql } from '../connection/sql';
import { findVectorIndexes, type VectorIndex } from './find';

/** How long what was found holds, in milliseconds. */
const knownForMs = 2_000;

/**
 * The vector indexes of one server, asked for once in a while: they change rarely, and asking takes a tenth of a search's
 * time. A search by an index that is gone meanwhile compares all vectors, which is slow, not wrong; whoever puts another in
 * its place leaves it until that one is known everywhere.
 */
export class KnownIndexes {
  private known: readonly VectorIndex[] = [];
  private until = Number.NEGATIVE_INFINITY;

  async list(sql: Sql): Promise<readonly VectorIndex[]> {
    if (performance.now() >= this.until) {
      this.known = await findVectorIndexes(sql);
      this.until = performance.now() + knownForMs;
    }
    return this.known;
  }

  /** They have changed: the next search asks. */
  forget(): void {
    this.until = Number.NEGATIVE_INFINITY;
  }
}
