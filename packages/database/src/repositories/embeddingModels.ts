import type { EmbeddingModel } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** A model of the database's vectors. */
export interface StoredModel extends EmbeddingModel {
  /** The name under which chunks, texts and claims refer to it. Two models that differ in more than the dimensions have different keys. */
  key: string;
}

/** The models of the database at this moment. */
export interface EmbeddingModels {
  /** The model of the vectors that searches find. */
  active: StoredModel;
  /** The model that replaces it once every chunk has a vector of it; null without a re-embedding. */
  next: NextModel | null;
}

export interface NextModel extends StoredModel {
  reEmbeddingId: string;
  /** True while nothing is embedded with the active model, because the next one is about to replace it. */
  closing: boolean;
}

/** The columns of a model in embedding_settings and re_embeddings. */
export const modelColumns = `model, dimensions, query_prefix AS "queryPrefix", document_prefix AS "documentPrefix",
  context, model_key AS key`;

/**
 * The key of the advisory lock that is held to begin, end or cancel a re-embedding. No other lock has this number. Transactions
 * that write to the tables of both models share it.
 */
export const modelsLock = 7_316_420_021;

/** Which models the database's vectors are of. Only the database's owner changes them. */
export class EmbeddingModelsRepository {
  constructor(private readonly sql: Sql) {}

  /** The models at this moment. They may change at any time afterwards. */
  async find(): Promise<EmbeddingModels> {
    const row = await this.sql.one<{ active: StoredModel; next: NextModel | null }>(
      `SELECT to_jsonb(s) AS active, to_jsonb(r) AS next
       FROM (SELECT ${modelColumns} FROM embedding_settings) AS s
         LEFT JOIN (SELECT ${modelColumns}, id AS "reEmbeddingId", coalesce(closing_until > now(), false) AS closing
                    FROM re_embeddings WHERE status = 'running') AS r ON true`,
    );
    return { active: row.active, next: row.next };
  }

  /**
   * Keeps a re-embedding from beginning and from ending until the transaction ends, so that document_chunks_next stays, or stays
   * away. It is the transaction's first lock, because a re-embedding takes it before the locks of tables.
   */
  async keep(): Promise<void> {
    await this.sql.many('SELECT pg_advisory_xact_lock_shared($1)', [modelsLock]);
  }

  /**
   * The model of the vectors that searches find. In a transaction that has read document_chunks it does not change until the
   * end: a change locks that table against all others.
   */
  active(): Promise<StoredModel> {
    return this.sql.one(`SELECT ${modelColumns} FROM embedding_settings`);
  }
}
