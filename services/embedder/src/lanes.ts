import type { EmbeddingModel } from '@millrace/contracts';
import type { EmbeddingModels, VectorTable } from '@millrace/database';
import type { EmbeddingProvider, EmbeddingProviders } from '@millrace/embeddings';
import type { WorkInHand } from '@millrace/runtime';
import { ChangeWait } from './changeWait';
import { ChunkGroups, type ChunkGroupsOptions } from './chunkGroups';
import { Division } from './division';

/** When a delivery comes again whose model nobody here has a provider for, but others may have. */
const elsewhereMs = 5_000;
/** How often it is said that there is none. */
const warnEveryMs = 60_000;

/** Work with one provider: its faults, and what is known of its vectors, are its own. */
export interface Lane {
  groups: ChunkGroups;
  division: Division;
}

export interface LanesOptions extends Omit<ChunkGroupsOptions, 'provider'> {
  providers: EmbeddingProviders;
  inHand: WorkInHand;
}

/**
 * Which provider embeds what: an upload's chunks have the model that the database's vectors are of, chunks that are embedded
 * again the one that is to take its place.
 */
export class Lanes {
  private readonly lanes = new Map<EmbeddingProvider, Lane>();
  private readonly changeWait = new ChangeWait();
  private warnedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LanesOptions) {}

  /** The work of this model; null when no provider of it is configured here. */
  of(model: EmbeddingModel): Lane | null {
    const provider = this.options.providers.find(model);
    if (provider === null) {
      return null;
    }
    const known = this.lanes.get(provider);
    if (known) {
      return known;
    }
    const groups = new ChunkGroups({ ...this.options, provider });
    const lane = { groups, division: new Division({ ...this.options, groups }) };
    this.lanes.set(provider, lane);
    return lane;
  }

  /** The work for vectors of this table; null when nothing can be done for it here just now. */
  into(table: VectorTable, models: EmbeddingModels): Lane | null {
    const model = table === 'document_chunks' ? models.active : models.next;
    return model && this.of(model);
  }

  /** For how many milliseconds so many chunks of this table have to wait; 0 when their work may go on. */
  async waitMs(table: VectorTable, models: EmbeddingModels, chunks: number): Promise<number> {
    const lane = this.into(table, models);
    if (lane === null) {
      this.warn(table, models);
    }
    if (table === 'document_chunks' && models.next !== null && (lane === null || models.next.closing)) {
      return this.changeWait.putOff(chunks);
    }
    return lane === null ? elsewhereMs : lane.groups.health.pausedForMs();
  }

  private warn(table: VectorTable, models: EmbeddingModels): void {
    if (performance.now() - this.warnedAt >= warnEveryMs) {
      this.options.logger.warn({ table, ...models }, 'no provider of the model is configured here');
      this.warnedAt = performance.now();
    }
  }

  /** How long to put off a delivery of this document, in milliseconds; 0 when its work may go on. */
  putOffMs(documentId: string): number {
    return Math.max(0, ...[...this.lanes.values()].map(({ division }) => division.putOffMs(documentId)));
  }

  /** Pushes the deadline of the texts' claims under these tokens forward, whoever embeds them. */
  async renew(textTokens: readonly string[]): Promise<void> {
    for (const { groups } of this.lanes.values()) {
      await groups.vectors.renew(textTokens);
    }
  }
}
