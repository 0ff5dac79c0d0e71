import type { EmbeddingModel } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** The models of the database at this moment. */
export interface EmbeddingModels {
  /** The model of the vectors that searches find. */
  active: EmbeddingModel;
  /** The model that replaces it once every chunk has a vector of it; null without a re-embedding. */
  next: NextModel | null;
}

export interface NextModel extends EmbeddingModel {
  reEmbeddingId: string;
  /** True while nothing is embedded with the active model, because the next one is about to replace it. */
  closing: boolean;
}

/** Which models the database's vectors are of. Only the database's owner changes them. */
export class EmbeddingModelsRepository {
  constructor(private readonly sql: Sql) {}

  /** The models at this moment. They may change at any time afterwards. */
  async find(): Promise<EmbeddingModels> {
    const row = await this.sql.one<
      EmbeddingModel & { id: string | null; nextModel: string; nextDimensions: number; closing: boolean | null }
    >(
      `SELECT s.model, s.dimensions, r.id, r.model AS "nextModel", r.dimensions AS "nextDimensions",
              r.closing_until > now() AS closing
       FROM embedding_settings s LEFT JOIN re_embeddings r ON r.status = 'running'`,
    );
    return {
      active: { model: row.model, dimensions: row.dimensions },
      next:
        row.id === null
          ? null
          : {
              reEmbeddingId: row.id,
              model: row.nextModel,
              dimensions: row.nextDimensions,
              closing: row.closing ?? false,
            },
    };
  }

  /**
   * The model of the vectors that searches find. In a transaction that has read document_chunks it does not change until the
   * end: a change locks that table against all others.
   */
  active(): Promise<EmbeddingModel> {
    return this.sql.one('SELECT model, dimensions FROM embedding_settings');
  }
}
