import type { Database } from '@millrace/database';
import type { ClaimedJob } from './jobs';

/** Shows how far the reading of the document is. Changes nothing when the lease is no longer ours. */
export async function noteReading(
  database: Database,
  job: Pick<ClaimedJob, 'jobId' | 'token'>,
  step: string,
): Promise<void> {
  await database.sql.none(
    `UPDATE jobs SET current_step = $<step>, updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId: job.jobId, token: job.token, step },
  );
}
