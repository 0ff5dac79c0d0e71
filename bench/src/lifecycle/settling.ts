import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, type NewDocumentChunk, systemOwnerId } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { type ChunkClaim, claimChunks, settleChunks } from '@millrace/lifecycle';
import { newJobChunk } from '@millrace/test-support';
import { Prose } from '../prose';
import type { BenchmarkResult } from '../report';
import { format, p50p99, p50p99Figures } from '../statistics';
import { claimedJob, leaseMs, retryPolicy, store, worker } from './jobs';
import { Phase } from './phase';

/** Batches that are in work at the same time, as two embedders with two batches each have. */
export const claimers = 4;
/** Chunks of so many documents take turns, as they do in the queue; each batch holds some of all of them. */
const documents = 4;
const wordsPerChunk = 250;

/** Enough rounds for a 99th percentile: 256 full batches, and 4,096 of one chunk. */
const plans = [
  { batchSize: 64, rounds: 16, chunksPerRound: 1_024 },
  { batchSize: 1, rounds: 8, chunksPerRound: 512 },
];

type JobChunk = ReturnType<typeof newJobChunk>;

interface Material {
  /** One list for each document. */
  chunks: JobChunk[][];
  /** By chunk id. */
  vectors: Map<string, Float32Array>;
}

interface Phases {
  store: Phase;
  claim: Phase;
  settle: Phase;
  bare: Phase;
}

/**
 * What a chunk costs on its way through the lifecycle (stored, claimed, settled), beside its physical peer: the same
 * rows written in the same batches by the same clients, each batch in one transaction, with no lifecycle around it.
 * Both write into the same table, taking turns, so that the vector index is as large for the one as for the other.
 */
export async function settling(database: Database, provider: EmbeddingProvider): Promise<BenchmarkResult> {
  const prose = new Prose(1);
  const result: BenchmarkResult = { table: [], figures: {} };
  await playRound(database, newPhases(), await makeMaterial(prose, provider, 1_024), 64, provider.model);
  for (const { batchSize, rounds, chunksPerRound } of plans) {
    const phases = newPhases();
    for (let round = 0; round < rounds; round += 1) {
      const lifecycle = await makeMaterial(prose, provider, chunksPerRound);
      const bare = await makeMaterial(prose, provider, chunksPerRound);
      const turns = [
        () => playRound(database, phases, lifecycle, batchSize, provider.model),
        () => playBareRound(database, phases, bare, batchSize, provider.model),
      ];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
        await turn();
      }
    }
    const described = describe(batchSize, phases);
    result.table.push(...described.table);
    Object.assign(result.figures, described.figures);
  }
  return result;
}

function newPhases(): Phases {
  return { store: new Phase(), claim: new Phase(), settle: new Phase(), bare: new Phase() };
}

async function makeMaterial(prose: Prose, provider: EmbeddingProvider, count: number): Promise<Material> {
  const chunks = Array.from({ length: documents }, () =>
    Array.from({ length: count / documents }, (_, index) => newJobChunk(index, prose.passage(wordsPerChunk))),
  );
  const all = chunks.flat();
  const made = await provider.embed(all.map((chunk) => chunk.payload.text));
  return { chunks, vectors: new Map(all.map((chunk, i) => [chunk.id, made[i] as Float32Array])) };
}

/** The documents' items, taking turns, in batches. */
function batchesOf<T>(lists: readonly (readonly T[])[], batchSize: number): T[][] {
  const [first = []] = lists;
  const mixed = first.flatMap((_, index) => lists.flatMap((list) => list.slice(index, index + 1)));
  return Array.from({ length: Math.ceil(mixed.length / batchSize) }, (_, i) =>
    mixed.slice(i * batchSize, (i + 1) * batchSize),
  );
}

async function playRound(
  database: Database,
  phases: Phases,
  { chunks, vectors }: Material,
  batchSize: number,
  embeddingModel: string,
): Promise<void> {
  const jobs = await Promise.all(chunks.map(async (list) => ({ list, job: await claimedJob(database) })));
  const stores = jobs.map(
    ({ job, list }) =>
      () =>
        store(database, job, list),
  );
  await phases.store.measure(database, claimers, vectors.size, stores);
  const claims: ChunkClaim[] = [];
  const claimings = batchesOf(chunks, batchSize).map((batch) => async () => {
    const ids = batch.map((chunk) => chunk.id);
    claims.push(await claimChunks(database, { chunkIds: ids, worker, leaseMs }));
  });
  await phases.claim.measure(database, claimers, vectors.size, claimings);
  const settlings = claims.map((claim) => async () => {
    const embedded = claim.chunks.map((chunk) => ({ chunk, embedding: vectors.get(chunk.id) as Float32Array }));
    const settlement = { token: claim.token, embedded, failed: [], embeddingModel, claimedTexts: [] };
    const { chunkIds } = await settleChunks(database, settlement, retryPolicy);
    if (chunkIds.size !== embedded.length) {
      throw new Error(`of a batch of ${embedded.length} chunks ${chunkIds.size} were settled`);
    }
  });
  await phases.settle.measure(database, claimers, vectors.size, settlings);
}

async function playBareRound(
  database: Database,
  phases: Phases,
  { chunks, vectors }: Material,
  batchSize: number,
  embeddingModel: string,
): Promise<void> {
  const items = await Promise.all(
    chunks.map(async (list) => {
      const { documentId } = await claimedJob(database);
      return list.map((chunk) => ({ chunk, documentId }));
    }),
  );
  const writings = batchesOf(items, batchSize).map((batch) => async () => {
    const rows = batch.map(
      ({ chunk, documentId }): NewDocumentChunk => ({
        id: newId(),
        documentId,
        collectionId: defaultCollectionId,
        ownerId: systemOwnerId,
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
  await phases.bare.measure(database, claimers, vectors.size, writings);
}

function describe(batchSize: number, phases: Phases): BenchmarkResult {
  const { store: stored, claim, settle, bare } = phases;
  const size = batchSize === 1 ? 'one chunk at a time' : `${batchSize} chunks a batch`;
  const name = `batch_${batchSize}`;
  const cost = (what: string, of: (phase: Phase) => number): [string, string] => {
    const total = of(stored) + of(claim) + of(settle);
    const parts = [stored, claim, settle].map((phase) => format(of(phase))).join(' + ');
    const overhead = total - of(bare);
    const value = Number.isNaN(total)
      ? 'cannot be seen: the server does not run on this machine'
      : `${parts} = ${format(total)} ms; bare ${format(of(bare))} ms; ` +
        `${(total / of(bare)).toFixed(2)} times, ${format(overhead)} ms more`;
    return [`${size}: ${what} a chunk, store + claim + settle`, value];
  };
  const figures = (what: string, of: (phase: Phase) => number) => ({
    [`${name}_${what}_ms_store`]: of(stored),
    [`${name}_${what}_ms_claim`]: of(claim),
    [`${name}_${what}_ms_settle`]: of(settle),
    [`${name}_${what}_ms_bare`]: of(bare),
  });
  return {
    table: [
      [`${size}: settle, p50 / p99`, p50p99(settle.times)],
      [`${size}: bare upsert, p50 / p99`, p50p99(bare.times)],
      [`${size}: claim, p50 / p99`, p50p99(claim.times)],
      cost('PostgreSQL time', (phase) => phase.serverMs),
      cost('worker time', (phase) => phase.workerMs),
      cost(`time by the clock with ${claimers} clients`, (phase) => phase.elapsedMs),
    ],
    figures: {
      ...p50p99Figures(`${name}_settle`, settle.times),
      ...p50p99Figures(`${name}_bare`, bare.times),
      ...p50p99Figures(`${name}_claim`, claim.times),
      ...figures('postgres', (phase) => phase.serverMs),
      ...figures('worker', (phase) => phase.workerMs),
      ...figures('elapsed', (phase) => phase.elapsedMs),
    },
  };
}
