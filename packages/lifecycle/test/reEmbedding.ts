import { type Database, type NextModel, ReEmbedding } from '@millrace/database';
import { plainModel, unitVector } from '@millrace/test-support';
import {
  claimedChunks,
  createOwnDatabase,
  firstId,
  noBackoff,
  permanentFailure,
} from '@millrace/test-support/lifecycle';
import { type BegunReEmbedding, beginReEmbedJobs, type ClaimedChunk, settleChunks } from '../src';

export const wanted = plainModel('next-model', 256);

/** A new database, and a change of its model. */
export async function createReEmbedding() {
  const { database, url, dispose } = await createOwnDatabase();
  return { database, dispose, reEmbedding: new ReEmbedding(database, { databaseUrl: url }) };
}

export async function running(database: Database): Promise<NextModel> {
  const { next } = await database.embeddingModels.find();
  if (next === null) {
    throw new Error('no re-embedding is running');
  }
  return next;
}

type Options = Partial<Parameters<typeof beginReEmbedJobs>[2]>;

export async function tryToBegin(database: Database, more: Options = {}): Promise<BegunReEmbedding | null> {
  const limits = { documents: 100, chunks: 100, jobMaxRetries: 0, chunkMaxRetries: 3 };
  return beginReEmbedJobs(database, await running(database), { after: firstId, ...limits, ...more });
}

export async function begin(database: Database, more: Options = {}): Promise<BegunReEmbedding> {
  const begun = await tryToBegin(database, more);
  if (begun === null) {
    throw new Error('no jobs can be made at this moment');
  }
  return begun;
}

/** Embeds the chunks again. Those of `failed` are refused. */
export async function embed(database: Database, dispatches: BegunReEmbedding['dispatches'], failed: string[] = []) {
  const { token, chunks } = await claimedChunks(
    database,
    dispatches.map((dispatch) => dispatch.chunkId),
  );
  const embedded = chunks
    .filter((chunk: ClaimedChunk) => !failed.includes(chunk.id))
    .map((chunk) => ({ chunk, embedding: unitVector(chunk.chunkIndex, wanted.dimensions) }));
  return settleChunks(
    database,
    {
      token,
      table: 'document_chunks_next',
      embedded,
      failed: failed.map(permanentFailure),
      embeddingModel: wanted.model,
      claimedTexts: [],
    },
    noBackoff,
  );
}
