import type { Actor } from '@millrace/contracts';
import type { Database } from '@millrace/database';

/** Who claims in tests, and how long the leases are. */
export const testLease = { worker: 'test-worker', leaseMs: 60_000 };

/** Who asks in tests. */
export const testActor: Actor = { kind: 'api-key' };

/** Lets the leases of these rows expire now. */
export async function letLeasesExpire(
  database: Database,
  table: 'jobs' | 'job_chunks',
  ids: readonly string[],
): Promise<void> {
  await database.sql.none(
    `UPDATE ${table} SET lease_expires_at = now() - interval '1 second'
     WHERE id = ANY($1::uuid[]) AND lease_expires_at IS NOT NULL`,
    [ids],
  );
}
