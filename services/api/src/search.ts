import { describeModel, isSameModel, MillraceError } from '@millrace/contracts';
import type { Database, SearchFilter, SearchRow, StoredModel } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';

export type ChunkFilter = Omit<SearchFilter, 'embeddingModel'>;

interface Found {
  model: StoredModel;
  rows: SearchRow[];
}

/**
 * Searches with the current model. The model can change at any moment. It is remembered, and looked up again when a
 * search finds nothing or fails. Hits always have vectors of the model that embedded the query.
 */
export class ChunkSearch {
  private model: StoredModel | undefined;

  constructor(
    private readonly database: Database,
    private readonly providers: EmbeddingProviders,
    private readonly effort: number,
  ) {}

  /**
   * Finds the chunks nearest to the query, nearest first.
   * @throws MillraceError SETUP_INVALID when no provider of the current model is configured, and the provider's errors
   */
  async find(query: string, filter: ChunkFilter, limit: number): Promise<SearchRow[]> {
    this.model ??= await this.current();
    for (let asked: StoredModel = this.model; ; asked = this.model) {
      const found = await this.findBy(asked, query, filter, limit).catch(async (error) => {
        // After a change of the model the vectors can have another length, and the old provider can be gone.
        const model = await this.current();
        if (isSameModel(model, asked)) {
          throw error;
        }
        return { model, rows: [] };
      });
      this.model = found.model;
      if (isSameModel(found.model, asked)) {
        return found.rows;
      }
    }
  }

  /** Searches with this model. Also returns the current model, which may have changed since. */
  private async findBy(model: StoredModel, query: string, filter: ChunkFilter, limit: number): Promise<Found> {
    const vector = await this.embed(query, model);
    return this.database.read(async ({ embeddingModels, documentChunks }) => {
      const rows = await documentChunks.search(
        vector,
        { ...filter, embeddingModel: model.key },
        { limit, effort: this.effort },
      );
      // The transaction of the search keeps the model from changing.
      return { rows, model: rows.length > 0 ? model : await embeddingModels.active() };
    });
  }

  private current(): Promise<StoredModel> {
    return this.database.read((session) => session.embeddingModels.active());
  }

  private async embed(query: string, model: StoredModel): Promise<Float32Array> {
    const provider = this.providers.find(model);
    if (!provider) {
      throw new MillraceError(
        'SETUP_INVALID',
        `The vectors in the database are of ${describeModel(model)}, but no provider of this model is configured.`,
      );
    }
    const [vector] = await provider.embed([query], { as: 'query' });
    if (!vector) {
      throw new MillraceError('EMBEDDING_INVALID_RESPONSE', 'The provider made no vector for the query.');
    }
    return vector;
  }
}
