import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Problem } from '@millrace/contracts';
import { textPdf, waitFor } from '@millrace/test-support';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { type Backing, missingPrograms, startBacking } from '../chaos/src/backing';
import { TestStack } from './support';

/** A small number, so that the test can take all connections. */
const maxConnections = 40;

const missing = missingPrograms();
if (missing) {
  console.warn(`The tests of servers at their limits are skipped: ${missing}`);
}
const describeWithServers = missing ? describe.skip : describe;

const pages = (title: string, count = 2) =>
  textPdf(Array.from({ length: count }, (_, i) => `${title}, page ${i}. ${`${title} has line ${i}. `.repeat(60)}`));

let backing: Backing | undefined;
let databaseUrl: string;
let millrace: TestStack;
beforeAll(async () => {
  const servers: Record<string, string> = {};
  if (!missing) {
    backing = await startBacking({ postgres: { max_connections: maxConnections } });
    databaseUrl = await backing.servers.createDatabase('limits');
    servers.DATABASE_URL = databaseUrl;
    servers.REDIS_URL = backing.servers.redisUrl;
  }
  millrace = await TestStack.start({
    ...servers,
    // The rush is longer than requests wait. It ends soon after.
    DATABASE_MAX_OUTAGE_MS: '2000',
    // Long enough that a busy machine renews it in time.
    LEASE_MS: '6000',
    RECONCILE_INTERVAL_MS: '500',
    RECONCILE_GRACE_MS: '500',
  });
});
afterAll(async () => {
  await millrace?.stop();
  await backing?.stop();
});

/** The Redis that only these tests use. */
function openRedis(): Redis {
  return new Redis(backing?.servers.redisUrl ?? '');
}

describeWithServers('Servers at their limits', () => {
  /** Returns the services that have ended. */
  async function crashed(): Promise<string[]> {
    const states = await Promise.all(
      millrace.stack.processes.map(({ name, ended }) => Promise.race([ended.then(() => name), Promise.resolve('')])),
    );
    return states.filter((name) => name !== '');
  }

  test('When PostgreSQL is at its connection limit, then uploads are refused with a reason, and work continues afterwards', async () => {
    const blobsBefore = await millrace.blobs();
    const before = await millrace.upload(await pages('Before the rush', 20));
    const hog = await takeAllConnections(databaseUrl);
    try {
      const refused = await millrace.upload(await pages('In the rush'));
      expect(refused.status).toBe(503);
      expect(refused.body as unknown as Problem).toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
      const ready = await fetch(`${millrace.stack.apiUrl}/readyz`);
      expect(ready.status).toBe(503);
    } finally {
      await hog.release();
    }
    expect(await millrace.endOf(before.body.job.id)).toMatchObject({ status: 'completed', failed_chunks: 0 });
    const after = await millrace.ingest(await pages('In the rush'));
    expect(after.document.status).toBe('ready');
    const blobs = (await millrace.blobs()).filter((name) => !blobsBefore.includes(name));
    expect(blobs.sort()).toEqual([before.body.document.id, after.document.id].sort());
    expect(await crashed()).toEqual([]);
  });

  test('When Redis is out of memory, then uploads are accepted, and are finished once it has room', async () => {
    const redis = openRedis();
    try {
      await redis.config('SET', 'maxmemory', '1mb');
      await expect(redis.set('no', 'room')).rejects.toThrow(/OOM/);
      const uploads = await Promise.all([millrace.upload(await pages('Full')), millrace.upload(await pages('Fuller'))]);
      expect(uploads.map((upload) => upload.status)).toEqual([202, 202]);
      await redis.config('SET', 'maxmemory', '0');
      for (const { body } of uploads) {
        expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', failed_chunks: 0 });
      }
      expect(await crashed()).toEqual([]);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
      redis.disconnect();
    }
  });

  test('When Redis runs out of memory during a book, then the book is finished once it has room', async () => {
    const redis = openRedis();
    try {
      const { body } = await millrace.upload(await pages('The overflowing book', 60));
      await waitFor('chunks', async () => ((await millrace.job(body.job.id)).total_chunks ?? 0) > 0);
      await redis.config('SET', 'maxmemory', '1mb');
      const during = await millrace.upload(await pages('Meanwhile'));
      expect(during.status).toBe(202);
      await redis.config('SET', 'maxmemory', '0');
      expect(await millrace.endOf(body.job.id)).toMatchObject({ status: 'completed', failed_chunks: 0 });
      expect(await millrace.endOf(during.body.job.id)).toMatchObject({ status: 'completed', failed_chunks: 0 });
      expect(await crashed()).toEqual([]);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
      redis.disconnect();
    }
  });
});

/** Ends all other connections and takes their places until the server accepts no more. */
async function takeAllConnections(url: string): Promise<{ release: () => Promise<void> }> {
  const taken: Client[] = [];
  const take = async () => {
    const client = new Client({ connectionString: url, application_name: 'hog' });
    client.on('error', () => undefined);
    await client.connect();
    taken.push(client);
    return client;
  };
  const first = await take();
  const others = `SELECT count(*)::integer AS count FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> 'hog'`;
  await waitFor('all connections to be taken', async () => {
    await first.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name <> 'hog'`,
    );
    const results = await Promise.allSettled(Array.from({ length: maxConnections - taken.length }, take));
    const { rows } = await first.query<{ count: number }>(others);
    return results.every((result) => result.status === 'fulfilled') && rows[0]?.count === 0;
  });
  return {
    release: async () => {
      await Promise.all(taken.map((client) => client.end()));
    },
  };
}

/** Mounts a tmpfs of this size. @returns why that is not possible here, or ''. */
function mountSmallDisk(directory: string, size: string): string {
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : (error?.message ?? stderr).trim();
}

describe('When the disk of the blob store is full', () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) {
    console.warn('The test of a full disk is skipped: mounting a small tmpfs needs root.');
  }

  (isRoot ? test : test.skip)(
    'then the upload is refused with a reason, nothing of it stays, and the next one that fits is accepted',
    async () => {
      const { BLOB_DIR } = millrace.environment.config();
      const reason = mountSmallDisk(BLOB_DIR, '1m');
      try {
        if (reason) {
          console.warn(`The test of a full disk could not run: a tmpfs cannot be mounted here (${reason}).`);
          return;
        }
        const large = Buffer.concat([await pages('Too large'), Buffer.alloc(3 * 1024 * 1024, ' ')]);
        const refused = await millrace.upload(large);
        expect(refused.status).toBe(507);
        expect(refused.body as unknown as Problem).toMatchObject({ code: 'STORAGE_UNAVAILABLE', retryable: true });
        expect(await millrace.blobs()).toEqual([]);

        // Another program fills the disk to the last byte.
        const filler = join(BLOB_DIR, 'filler');
        spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
        expect((await millrace.upload(await pages('No room at all'))).status).toBe(507);
        spawnSync('rm', [filler]);
        expect(await millrace.blobs()).toEqual([]);

        const { document } = await millrace.ingest(await pages('No room at all'));
        expect(document.status).toBe('ready');
        expect(await millrace.blobs()).toEqual([document.id]);
      } finally {
        if (!reason) {
          spawnSync('umount', ['--lazy', BLOB_DIR]);
        }
      }
    },
  );
});
