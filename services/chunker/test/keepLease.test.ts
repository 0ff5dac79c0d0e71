import type { Database } from '@millrace/database';
import { createLogger } from '@millrace/telemetry';
import { createTestDatabase, type TestDatabase, Wire, waitFor } from '@millrace/test-support';
import { accept, claimedJob, jobOf, openDatabase, runOut } from '../../../packages/lifecycle/test/support';
import { keepLease } from '../src/keepLease';

const logger = createLogger('test', 'silent');
let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

async function leasedJob() {
  const { job } = await accept(database);
  return claimedJob(database, job.id);
}

test('When the database was away at the time of a renewal, then the lease is renewed as soon as it is back', async () => {
  const job = await leasedJob();
  await runOut(database, 'jobs', [job.jobId]);
  const { wire, url } = await Wire.to(testDatabase.url);
  const remote = openDatabase(url);
  wire.cut();
  // The next turn would come after the test's patience.
  const letGo = keepLease({ database: remote, job, leaseMs: 18_000, logger, onLost: () => undefined });
  try {
    await waitFor('a renewal in vain', async () => wire.refused > 0);
    wire.mend();
    await waitFor(
      'the renewal',
      async () => {
        const { leaseExpiresAt } = await jobOf(database, job.jobId);
        return leaseExpiresAt !== null && leaseExpiresAt.getTime() > Date.now();
      },
      4_000,
    );
  } finally {
    letGo();
    await remote.close();
    await wire.close();
  }
});

test('When the job has been taken over, then its former holder hears of it', async () => {
  const job = await leasedJob();
  let lost = false;
  const onLost = () => {
    lost = true;
  };
  const letGo = keepLease({ database, job: { ...job, token: job.documentId }, leaseMs: 60, logger, onLost });
  try {
    await waitFor('the loss to be told', async () => lost);
  } finally {
    letGo();
  }
});
