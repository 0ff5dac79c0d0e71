import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId, type NewDocumentChunk } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { type ChunkClaim, claimChunks, settleChunks } from '@millrace/lifecycle';
import { newJobChunk } from '@millrace/test-support';
import { Prose } from '../prose';
import type { Figures } from '../report';
import { percentiles } from '../statistics';
import { claimedJob, leaseMs, retryPolicy, store, worker } from './jobs';
import { Phase } from './phase';

/** Batches in work at the same time, as with two embedders of two batches each. */
export const clients = 4;
/** Each batch holds chunks of this many documents, as in the queue. */
const documents = 4;
const wordsPerChunk = 250;

type JobChunk = ReturnType<typeof newJobChunk>;

interface Material {
  /** One list per document. */
  chunks: JobChunk[][];
  /** By chunk id. */
  vectors: Map<string, Float32Array>;
}

interface Setting {
  database: Database;
  provider: EmbeddingProvider;
  batchSize: number;
  phases: Record<'store' | 'claim' | 'settle' | 'bare', Phase>;
}

/**
 * Measures what a chunk costs in the lifecycle (store, claim, settle) beside its physical peer: the same rows in the same
 * batches by the same clients, each batch in one transaction with nothing but the upsert. Both write into the same table in
 * turn, so that the vector index is as large for both.
 */
export async function settling(database: Database, provider: EmbeddingProvider, quick: boolean): Promise<Figures> {
  const prose = new Prose(1);
  // Enough rounds for a 99th percentile: 256 full batches, and 4,096 of one chunk.
  const plans = [
    { batchSize: 64, rounds: quick ? 1 : 16, chunks: 1_024 },
    { batchSize: 1, rounds: quick ? 1 : 8, chunks: quick ? 128 : 512 },
  ];
  const figures: Figures = {};
  const settingOf = (batchSize: number): Setting => {
    const phases = { store: new Phase(), claim: new Phase(), settle: new Phase(), bare: new Phase() };
    return { database, provider, batchSize, phases };
  };
  // The first round only warms up.
  await playRound(settingOf(64), await makeMaterial(prose, provider, 1_024));
  for (const { batchSize, rounds, chunks } of plans) {
    const setting = settingOf(batchSize);
    for (let round = 0; round < rounds; round += 1) {
      const lifecycle = await makeMaterial(prose, provider, chunks);
      const bare = await makeMaterial(prose, provider, chunks);
      const turns = [() => playRound(setting, lifecycle), () => playBareRound(setting, bare)];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
        await turn();
      }
    }
    Object.assign(figures, describe(setting));
  }
  return figures;
}

async function makeMaterial(prose: Prose, provider: EmbeddingProvider, count: number): Promise<Material> {
  const chunks = Array.from({ length: documents }, () =>
    Array.from({ length: count / documents }, (_, index) => newJobChunk(index, prose.passage(wordsPerChunk))),
  );
  const all = chunks.flat();
  const made = await provider.embed(all.map((chunk) => chunk.payload.text));
  return { chunks, vectors: new Map(all.map((chunk, i) => [chunk.id, made[i] as Float32Array])) };
}

/** Returns batches that take the documents' items in turn. */
function batchesOf<T>(lists: readonly (readonly T[])[], batchSize: number): T[][] {
  const [first = []] = lists;
  const mixed = first.flatMap((_, index) => lists.flatMap((list) => list.slice(index, index + 1)));
  return Array.from({ length: Math.ceil(mixed.length / batchSize) }, (_, i) =>
    mixed.slice(i * batchSize, (i + 1) * batchSize),
  );
}

async function playRound({ database, batchSize, phases }: Setting, material: Material): Promise<void> {
  const { chunks, vectors } = material;
  const jobs = await Promise.all(chunks.map(async (list) => ({ list, job: await claimedJob(database) })));
  const stores = jobs.map(
    ({ job, list }) =>
      () =>
        store(database, job, list),
  );
  await phases.store.measure(database, clients, vectors.size, stores);
  const claims: ChunkClaim[] = [];
  const claimCalls = batchesOf(chunks, batchSize).map((batch) => async () => {
    const ids = batch.map((chunk) => chunk.id);
    claims.push(await claimChunks(database, { chunkIds: ids, worker, leaseMs }));
  });
  await phases.claim.measure(database, clients, vectors.size, claimCalls);
  const { key: embeddingModel } = await database.embeddingModels.active();
  const settleCalls = claims.map((claim) => async () => {
    const embedded = claim.chunks.map((chunk) => ({ chunk, embedding: vectors.get(chunk.id) as Float32Array }));
    const settlement = { token: claim.token, embedded, failed: [], embeddingModel, claimedTexts: [] };
    const { chunkIds } = await settleChunks(database, settlement, retryPolicy);
    if (chunkIds.size !== embedded.length) {
      throw new Error(`Of a batch of ${embedded.length} chunks ${chunkIds.size} were settled.`);
    }
  });
  await phases.settle.measure(database, clients, vectors.size, settleCalls);
}

async function playBareRound({ database, batchSize, phases }: Setting, material: Material): Promise<void> {
  const { chunks, vectors } = material;
  const items = await Promise.all(
    chunks.map(async (list) => {
      const { documentId } = await claimedJob(database);
      return list.map((chunk) => ({ chunk, documentId }));
    }),
  );
  const { key: embeddingModel } = await database.embeddingModels.active();
  const calls = batchesOf(items, batchSize).map((batch) => async () => {
    const rows = batch.map(
      ({ chunk, documentId }): NewDocumentChunk => ({
        id: newId(),
        documentId,
        collectionId: defaultCollectionId,
        ownerId: firstAdminId,
        chunkIndex: chunk.chunkIndex,
        chunkHash: chunk.chunkHash,
        contentHash: chunk.contentHash,
        content: chunk.payload.text,
        tokenCount: chunk.payload.tokenCount,
        pageStart: chunk.pageStart,
        pageEnd: chunk.pageEnd,
        section: chunk.payload.section,
        coordinates: chunk.payload.coordinates,
        embedding: vectors.get(chunk.id) as Float32Array,
        embeddingModel,
      }),
    );
    await database.transaction((session) => session.documentChunks.upsertAll(rows));
  });
  await phases.bare.measure(database, clients, vectors.size, calls);
}

function describe({ batchSize, phases }: Setting): Figures {
  const name = `batch_${batchSize}`;
  const figures: Figures = {
    ...percentiles(`${name}_settle`, phases.settle.times),
    ...percentiles(`${name}_bare`, phases.bare.times),
    ...percentiles(`${name}_claim`, phases.claim.times),
  };
  for (const what of ['postgres', 'worker', 'elapsed'] as const) {
    const cost = (phase: Phase) => phase[`${what}Ms`];
    for (const [phaseName, phase] of Object.entries(phases)) {
      figures[`${name}_${what}_ms_${phaseName}`] = cost(phase);
    }
    const { store: stored, claim, settle, bare } = phases;
    figures[`${name}_${what}_ratio_to_bare`] = (cost(stored) + cost(claim) + cost(settle)) / cost(bare);
  }
  return figures;
}
