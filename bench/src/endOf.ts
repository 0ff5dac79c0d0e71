import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import type { ApiClient } from '@millrace/stack';

/** The job once it has ended, asked for every `pollMs` milliseconds. */
export async function endOf(client: ApiClient, jobId: string, pollMs: number, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await client.getJob(jobId, signal);
    if (jobHasEnded(job.status)) {
      return job;
    }
    await setTimeout(pollMs);
  }
}
