import type { EmbeddingModel } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** What vectors are made with just now. */
export interface EmbeddingModels {
  /** The model of the vectors that searches find. */
  active: EmbeddingModel;
  /** What takes its place once every chunk has a vector of it; null while nothing is to change. */
  next: NextModel | null;
}

export interface NextModel extends EmbeddingModel {
  reEmbeddingId: string;
  /** Nothing is embedded with the active model any more, for the moment: its place is about to be taken. */
  closing: boolean;
}

/** Which model the database's vectors are of. Only the owner writes that down. */
export class EmbeddingModelsRepository {
  constructor(private readonly sql: Sql) {}

  /** The models at this moment; a change may come at any time afterwards. */
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
   * The model of the vectors that searches find. In a transaction that has read document_chunks it stays so until the end:
   * whoever changes it locks the table against all others.
   */
  active(): Promise<EmbeddingModel> {
    return this.sql.one('SELECT model, dimensions FROM embedding_settings');
  }
}
