import type { EmbeddingModel } from '@millrace/contracts';
import type { ReEmbeddingProgress } from '@millrace/database';

/** "text-embedding-3-small (768 dimensions)". */
export function describeModel({ model, dimensions }: EmbeddingModel): string {
  return `${model} (${dimensions} dimensions)`;
}

/** "1200 of 5000 chunks (24%), 3 jobs under way, 2 chunks failed". */
export function describeProgress({ chunks, done, openJobs, failed }: ReEmbeddingProgress): string {
  const share = chunks === 0 ? 100 : Math.floor((done / chunks) * 100);
  const parts = [`${done} of ${chunks} chunks (${share}%)`];
  if (openJobs > 0) {
    parts.push(`${openJobs} jobs under way`);
  }
  if (failed > 0) {
    parts.push(`${failed} chunks failed`);
  }
  return parts.join(', ');
}

/** Who has to let go of the tables first. */
export function describeHolders(holders: readonly string[]): string {
  return ['Waiting for others to let go of the tables:', ...holders.map((holder) => `  ${holder}`)].join('\n');
}

/** What may be the reason when nothing has moved for a while. */
export function describeStandstill(progress: ReEmbeddingProgress): string {
  const hint = 'Nothing has moved for a while. It takes a reconciler, and embedders that have NEXT_EMBEDDING_... set.';
  return progress.failed > 0 ? `${hint}\n${describeFailures(progress)}` : hint;
}

/** Which jobs have failed chunks, and what to do about them. */
export function describeFailures({ failedJobs }: ReEmbeddingProgress): string {
  const lines = failedJobs.map(
    ({ id, documentId, errorCode, error }) => `  job ${id} of document ${documentId}: ${errorCode}: ${error}`,
  );
  return [
    'The vectors in use stay until these have been retried (POST /api/v1/jobs/JOB/chunks/retry) or their documents deleted:',
    ...lines,
  ].join('\n');
}
