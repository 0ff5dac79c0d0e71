import { jobHasEnded, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk } from '@millrace/test-support';
import {
  createOwnDatabase,
  letLeasesExpire,
  newPage,
  noBackoff,
  settleClaim,
  testLease,
} from '@millrace/test-support/lifecycle';
import fc from 'fast-check';
import { claimChunks, claimJob, expireJobLeases, expireLeases, storeChunks, storePages } from '../../src';
import { addDocument } from './addDocument';
import { type Command, World } from './command';
import { violations } from './invariants';
import { atOnce } from './mixes';
import { Model } from './model';
import { type Snapshot, takeSnapshot } from './state';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
  // Transactions that meet like this deadlock now and then, and are run again. A superuser can make the server notice it
  // sooner than after a second.
  await database.sql.none(
    `DO $$ BEGIN
       IF current_setting('is_superuser') = 'on' THEN
         EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '50ms');
       END IF;
     END $$`,
  );
});
afterAll(() => dispose());

/** Groups of commands. Those of one group start at the same moment. */
const volleys = fc.noBias(
  fc.array(fc.array(atOnce, { minLength: 2, maxLength: 10 }), {
    minLength: 1,
    maxLength: 12,
    size: 'max',
  }),
);

/** More rounds than any job can need. */
const enoughRounds = 30;

/** Does all work until every job has ended. */
async function drain(before: Snapshot): Promise<void> {
  let now = before;
  for (let round = 1; now.jobs.some((job) => !jobHasEnded(job.status)); round += 1) {
    if (round > enoughRounds) {
      throw new Error(`jobs are stuck: ${JSON.stringify(now.jobs.filter((job) => !jobHasEnded(job.status)))}`);
    }
    const jobIds = now.jobs.map((job) => job.id);
    const chunkIds = now.jobs.flatMap((job) => job.chunks.map((chunk) => chunk.id));
    await letLeasesExpire(database, 'jobs', jobIds);
    await letLeasesExpire(database, 'job_chunks', chunkIds);
    await expireJobLeases(database, 100);
    await expireLeases(database, { limit: 100 }, noBackoff);
    for (const jobId of jobIds) {
      const claimed = await claimJob(database, { jobId, ...testLease });
      if (claimed.outcome === 'claimed') {
        const store = claimed.job.kind === 'ingest' ? storeChunks : storePages;
        await store(database, claimed.job, { title: null, pages: [newPage(1)], chunks: [newJobChunk(0)] });
      }
    }
    const deliveries = (await database.jobChunks.findAll(chunkIds)).map((chunk) => chunk.queueJobId);
    await settleClaim(
      database,
      await claimChunks(database, { chunkIds, ...testLease, token: newId(), queueJobIds: deliveries }),
    );
    const next = await takeSnapshot(database);
    expect(violations(next, now)).toEqual([]);
    now = next;
  }
}

test('When transitions meet, then none fails, every rule holds afterwards, and every job ends', async () => {
  const runOnce = async (fired: readonly (readonly Command[])[]) => {
    await database.sql.none('DELETE FROM documents');
    const world = new World(database);
    await addDocument(world, new Model(), 5, { jobMaxRetries: 3, chunkMaxRetries: 3 }, 1);
    let before = await takeSnapshot(database);
    for (const volley of fired) {
      await Promise.all(volley.map((command) => command.start(world).answer));
      const now = await takeSnapshot(database);
      expect(violations(now, before)).toEqual([]);
      before = now;
    }
    await drain(before);
  };
  let underWay: Promise<void> = Promise.resolve();
  await fc.assert(
    fc.asyncProperty(volleys, (fired) => {
      underWay = runOnce(fired);
      return underWay;
    }),
    // A failure may not repeat, so shrinking to a smaller case is useless.
    { numRuns: 80, interruptAfterTimeLimit: 14_000, endOnFailure: true },
  );
  // The last run goes on after the time limit, and needs the database.
  await underWay;
});
