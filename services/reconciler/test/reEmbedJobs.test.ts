import { type Database, ReEmbedding } from '@millrace/database';
import type { Queues } from '@millrace/queues';
import { createTestEnvironment, plainModel, type TestEnvironment } from '@millrace/test-support';
import { endedDocument, openDatabase } from '@millrace/test-support/lifecycle';
import { openQueues } from '@millrace/test-support/queues';
import { reEmbedJobs } from '../src/reEmbedJobs';

let environment: TestEnvironment;
let database: Database;
let closeQueues: () => Promise<void>;
let queues: Queues;
let reEmbedding: ReEmbedding;

beforeEach(async () => {
  environment = await createTestEnvironment();
  const config = environment.config();
  database = openDatabase(config.DATABASE_URL);
  ({ queues, close: closeQueues } = await openQueues(config));
  reEmbedding = new ReEmbedding(database, { databaseUrl: config.DATABASE_URL });
});
afterEach(async () => {
  await closeQueues();
  await database?.close();
  await environment?.cleanUp();
});

const chunksUnderWay = () =>
  database.sql.many<{ queue_job_id: string }>(
    `SELECT queue_job_id FROM job_chunks WHERE status = 'pending' ORDER BY id`,
  );

test('When a re-embedding runs, then stored chunks are delivered, the chunks of later documents in a later turn', async () => {
  const sweep = reEmbedJobs({ database, queues, jobMaxRetries: 3, chunkMaxRetries: 3 });
  await endedDocument(database, 2);
  expect(await sweep()).toBe(0);
  await reEmbedding.begin(plainModel('next-model', 64));
  expect(await sweep()).toBe(1);
  expect(await sweep()).toBe(0);
  await endedDocument(database, 1);
  expect(await sweep()).toBe(1);
  const chunks = await chunksUnderWay();
  expect(chunks).toHaveLength(3);
  for (const { queue_job_id } of chunks) {
    expect(await queues.reembedChunks.getJobState(queue_job_id)).toBe('prioritized');
  }
});

test('When the limit of open chunks is reached, then no further job begins', async () => {
  const options = { database, queues, jobMaxRetries: 3, chunkMaxRetries: 3 };
  await endedDocument(database, 3);
  await endedDocument(database, 1);
  await reEmbedding.begin(plainModel('next-model', 64));
  const sweep = reEmbedJobs({ ...options, openChunks: 2 });
  expect(await sweep()).toBe(1);
  expect(await sweep()).toBe(0);
  expect(await chunksUnderWay()).toHaveLength(2);
  expect(await reEmbedJobs(options)()).toBe(1);
});
