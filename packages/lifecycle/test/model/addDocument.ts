import { newJobChunk } from '@millrace/test-support';
import { acceptedDocument, newPage, testLease } from '@millrace/test-support/lifecycle';
import { claimJob, storeChunks } from '../../src';
import type { World } from './command';
import { type JobLimits, type Model, newJobState, storeInModel } from './model';

/** Adds a document whose chunks wait, to the world and to the model. */
export async function addDocument(
  world: World,
  model: Model,
  count: number,
  limits: JobLimits,
  failedPages = 0,
): Promise<void> {
  const { document, job } = await acceptedDocument(world.database, limits);
  const claim = await claimJob(world.database, { jobId: job.id, ...testLease });
  if (claim.outcome !== 'claimed') {
    throw new Error('a new job cannot be claimed');
  }
  const chunks = Array.from({ length: count }, (_, i) => newJobChunk(i, `Chunk ${i}`));
  const pages = [newPage(1), ...Array.from({ length: failedPages }, (_, i) => newPage(2 + i, 'failed'))];
  await storeChunks(world.database, claim.job, { title: null, pages, chunks });
  const chunkIds = chunks.map((chunk) => chunk.id);
  world.jobs.push({ jobId: job.id, documentId: document.id, chunkIds });
  const state = newJobState(job.id, document.id, limits);
  state.attempts = 1;
  model.add(state);
  storeInModel(state, chunkIds);
  Object.assign(model.documentOf(state), { status: 'processing', failedPages });
}
