import type { ReEmbeddingProgress } from '@millrace/database';

/** Returns "1200 of 5000 chunks (24%), 3 jobs running, 2 chunks failed". */
export function describeProgress({ chunks, done, openJobs, failed }: ReEmbeddingProgress): string {
  const share = chunks === 0 ? 100 : Math.floor((done / chunks) * 100);
  const parts = [`${done} of ${chunks} chunks (${share}%)`];
  if (openJobs > 0) {
    parts.push(`${openJobs} ${openJobs === 1 ? 'job' : 'jobs'} running`);
  }
  if (failed > 0) {
    parts.push(`${failed} ${failed === 1 ? 'chunk' : 'chunks'} failed`);
  }
  return parts.join(', ');
}

/** Lists the sessions that hold locks on the tables. */
export function describeBlockers(blockers: readonly string[]): string {
  return ['Waiting for sessions that use the tables:', ...blockers.map((blocker) => `  ${blocker}`)].join('\n');
}

/** Names the likely causes when there is no progress. */
export function describeStandstill(progress: ReEmbeddingProgress): string {
  const hint = 'No progress for a minute. A reconciler must run, and embedders that have NEXT_EMBEDDING_... set.';
  return progress.failed > 0 ? `${hint}\n${describeFailures(progress)}` : hint;
}

/** Lists the jobs with failed chunks, and what to do about them. */
export function describeFailures({ failedJobs }: ReEmbeddingProgress): string {
  const lines = failedJobs.map(
    ({ id, documentId, errorCode, error }) => `  job ${id} of document ${documentId}: ${errorCode}: ${error}`,
  );
  return [
    'The current vectors stay until these jobs are retried (POST /api/v1/jobs/JOB/chunks/retry) or their documents deleted:',
    ...lines,
  ].join('\n');
}
