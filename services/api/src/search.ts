import { type EmbeddingModel, isSameModel, MillraceError } from '@millrace/contracts';
import type { Database, SearchFilter, SearchRow } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';

export type ChunkFilter = Omit<SearchFilter, 'embeddingModel'>;

interface Found {
  model: EmbeddingModel;
  rows: SearchRow[];
}

/**
 * Searches by the model that the vectors are of. Which one that is may change at any moment: it is remembered, and asked for
 * again when a search by it finds nothing or fails. What is found is always of the model that the query was embedded with.
 */
export class ChunkSearch {
  private model: EmbeddingModel | undefined;

  constructor(
    private readonly database: Database,
    private readonly providers: EmbeddingProviders,
    private readonly effort: number,
  ) {}

  /**
   * The chunks nearest to the query, nearest first.
   * @throws MillraceError SETUP_INVALID when no provider of that model is configured, and the provider's
   */
  async find(query: string, filter: ChunkFilter, limit: number): Promise<SearchRow[]> {
    this.model ??= await this.current();
    for (let asked: EmbeddingModel = this.model; ; asked = this.model) {
      const found = await this.findBy(asked, query, filter, limit).catch(async (error) => {
        // The vectors may have another length by now, and perhaps nobody keeps the provider of the old ones any more.
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

  /** What is found by this model, and the one that the vectors were of meanwhile. */
  private async findBy(model: EmbeddingModel, query: string, filter: ChunkFilter, limit: number): Promise<Found> {
    const vector = await this.embed(query, model);
    return this.database.read(async ({ embeddingModels, documentChunks }) => {
      const rows = await documentChunks.search(
        vector,
        { ...filter, embeddingModel: model.model },
        { limit, effort: this.effort },
      );
      // The search keeps the model from being changed until the transaction ends.
      return { rows, model: rows.length > 0 ? model : await embeddingModels.active() };
    });
  }

  private current(): Promise<EmbeddingModel> {
    return this.database.read((session) => session.embeddingModels.active());
  }

  private async embed(query: string, model: EmbeddingModel): Promise<Float32Array> {
    const provider = this.providers.find(model);
    if (!provider) {
      throw new MillraceError(
        'SETUP_INVALID',
        `The database's vectors are of ${model.model} (${model.dimensions} dimensions), and no provider of these is configured here.`,
      );
    }
    const [vector] = await provider.embed([query]);
    if (!vector) {
      throw new MillraceError('EMBEDDING_INVALID_RESPONSE', 'No vector was made for the query');
    }
    return vector;
  }
}
