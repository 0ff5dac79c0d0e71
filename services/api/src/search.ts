import { type EmbeddingSetup, isSameSetup } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import type { Database, SearchFilter, SearchRow } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';

export type ChunkFilter = Omit<SearchFilter, 'embeddingModel'>;

interface Found {
  model: EmbeddingSetup;
  rows: SearchRow[] | null;
}

/**
 * Searches by the model that the vectors are of. Which one that is may change at any moment: it is remembered, looked at
 * again in the transaction that searches, and where it has changed, the query is embedded once more.
 */
export class ChunkSearch {
  private model: EmbeddingSetup | undefined;

  constructor(
    private readonly database: Database,
    private readonly providers: EmbeddingProviders,
  ) {}

  /**
   * The chunks nearest to the query, nearest first.
   * @throws MillraceError SETUP_INVALID when no provider of that model is configured, and the provider's
   */
  async find(query: string, filter: ChunkFilter, limit: number): Promise<SearchRow[]> {
    let asked = this.model ?? (await this.current());
    for (;;) {
      const found = await this.findBy(asked, query, filter, limit);
      this.model = found.model;
      if (found.rows !== null) {
        return found.rows;
      }
      asked = found.model;
    }
  }

  /** What is found by this model; the rows are null where it is not the vectors' any more. */
  private async findBy(asked: EmbeddingSetup, query: string, filter: ChunkFilter, limit: number): Promise<Found> {
    let vector: Float32Array;
    try {
      vector = await this.embed(query, asked);
    } catch (error) {
      // Perhaps nobody keeps that provider any more.
      const model = await this.current();
      if (isSameSetup(model, asked)) {
        throw error;
      }
      return { model, rows: null };
    }
    return this.database.read(async ({ embeddingModels, documentChunks }) => {
      const model = await embeddingModels.hold();
      const byModel = { ...filter, embeddingModel: model.model };
      return { model, rows: isSameSetup(model, asked) ? await documentChunks.search(vector, byModel, limit) : null };
    });
  }

  private current(): Promise<EmbeddingSetup> {
    return this.database.read((session) => session.embeddingModels.hold());
  }

  private async embed(query: string, model: EmbeddingSetup): Promise<Float32Array> {
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
