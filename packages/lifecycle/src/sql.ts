import { restartGraceIsOver } from '@millrace/database';

/*
 * SQL that several transitions have in common. A fragment is a part of a SET list or a value of a condition; the
 * statement around it names the row and the state that it expects.
 */

/** The statuses of a job chunk that is not settled: it waits or is worked on. */
export const openChunk = `('pending', 'processing', 'retry_scheduled')`;

/** The statuses of a job chunk that waits for a delivery. */
export const waitingChunk = `('pending', 'retry_scheduled')`;

/** The statuses of a job whose chunks are embedded. */
export const runningJob = `('processing', 'retrying')`;

/** The statuses of a job that has not ended. */
export const openJob = `('queued', 'chunking', 'processing', 'retrying')`;

/** The statuses of a job that has ended. */
export const endedJob = `('completed', 'completed_with_errors', 'failed', 'cancelled')`;

/** Gives the row its next delivery; the SET list of table or alias `row`. */
export function nextDelivery(row: 'c' | 'j' | 'jobs'): string {
  return `dispatch_count = ${row}.dispatch_count + 1, queue_job_id = ${row}.id || '.' || (${row}.dispatch_count + 1)`;
}

/** The deadline of a lease that begins or is renewed now. Needs the value `leaseMs`. */
export const leaseEnd = `now() + $<leaseMs> * interval '1 millisecond'`;

/** The lease of the row has expired. */
export const leaseIsOver = `(lease_expires_at < now() AND ${restartGraceIsOver})`;

/** The deadline is later than any lease can end. A wrong clock has written it. Needs `leaseMs`. */
export const isBeyondAnyLease = `> now() + 2 * $<leaseMs> * interval '1 millisecond'`;

/** Ends the lease of a row. A chunk's `worker` stays: its attempt is recorded with it. */
export const endLease = 'lease_token = NULL, lease_expires_at = NULL';

/** Ends the lease of a job, whose worker is shown only while it works. */
export const endJobLease = `worker = NULL, ${endLease}`;

/** Removes what a failure has left on a job or a document. */
export const clearError = 'error_code = NULL, error = NULL';

/** Makes an ended job go on. */
export const goOn = `${clearError}, finished_at = NULL`;

/** Ends a job as `status`, which is SQL: a literal or a value. */
export function endJobAs(status: string): string {
  return `status = ${status}, current_step = ${status}, next_attempt_at = NULL, finished_at = now(), updated_at = now()`;
}
