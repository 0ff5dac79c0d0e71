import type { Database } from '@millrace/database';
import { renewJobLease } from '@millrace/lifecycle';
import { createLogger } from '@millrace/telemetry';
import { createTestDatabase, type TestDatabase, Wire, waitFor } from '@millrace/test-support';
import { acceptedDocument, claimedJob, jobOf, letLeasesExpire, openDatabase } from '@millrace/test-support/lifecycle';
import { renewLease } from '../src';

const logger = createLogger('test', 'silent');
let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});
afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

/** Stops the intervals of this process. Everything else keeps its time. */
function stopIntervals(): void {
  const doNotFake = [
    'setTimeout',
    'clearTimeout',
    'setImmediate',
    'clearImmediate',
    'nextTick',
    'queueMicrotask',
  ] as const;
  jest.useFakeTimers({ doNotFake: [...doNotFake, 'Date', 'hrtime', 'performance'] });
}

test('When the database was unavailable at the time of a renewal, then the lease is renewed as soon as it is back', async () => {
  const { job: accepted } = await acceptedDocument(database);
  const job = await claimedJob(database, accepted.id);
  await letLeasesExpire(database, 'jobs', [job.jobId]);
  const { wire, url } = await Wire.to(testDatabase.url);
  const remote = openDatabase(url);
  wire.cut();
  const leaseMs = 60_000;
  const renew = async () => {
    await renewJobLease(remote, job, leaseMs);
  };
  // The time of the first renewal comes, and that of the second never does.
  stopIntervals();
  const end = renewLease({ leaseMs, renew, logger });
  try {
    jest.advanceTimersByTime(leaseMs / 3);
    await waitFor('a renewal that fails', async () => wire.refused > 0);
    wire.mend();
    await waitFor('the renewal', async () => {
      const { leaseExpiresAt } = await jobOf(database, job.jobId);
      return leaseExpiresAt !== null && leaseExpiresAt.getTime() > Date.now();
    });
  } finally {
    end();
    jest.useRealTimers();
    await remote.close();
    await wire.close();
  }
});

test('When a renewal hangs, then the next one is still made, and none after the end', async () => {
  let renewals = 0;
  const renew = () => {
    renewals += 1;
    return new Promise<void>(() => undefined);
  };
  const end = renewLease({ leaseMs: 60, renew, logger });
  await waitFor('several renewals', async () => renewals >= 3);
  end();
  const atTheEnd = renewals;
  let later = 0;
  const another = async () => {
    later += 1;
  };
  const endAnother = renewLease({ leaseMs: 60, renew: another, logger });
  await waitFor('several renewals of another lease', async () => later >= 3);
  endAnother();
  expect(renewals).toBe(atTheEnd);
});
