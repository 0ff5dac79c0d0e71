import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import {
  chunkCounts,
  chunkedDocument,
  chunkOf,
  claimedChunks,
  createOwnDatabase,
  documentStatusOf,
  jobOf,
  letLeasesExpire,
  noBackoff,
  settleClaim,
  testLease,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { claimChunks, clampLeases, expireLeases, releaseChunks, renewChunkLeases, settleChunks } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

const storedOf = (documentId: string) => database.documentChunks.list(documentId, { after: -1, limit: 100 });
const idsOf = (chunks: readonly { id: string }[]) => chunks.map((chunk) => chunk.id);

describe('Claiming chunks', () => {
  test('When the same delivery comes ten times at once, then the chunk is claimed once', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const claims = await Promise.all(Array.from({ length: 10 }, () => claimedChunks(database, chunkIds)));
    expect(claims.filter((each) => each.chunks.length === 1)).toHaveLength(1);
  });

  test('When overlapping batches are claimed at once, then every chunk is in exactly one of them', async () => {
    const { chunkIds } = await chunkedDocument(database, 12);
    const claims = await Promise.all(
      Array.from({ length: 6 }, (_, i) => claimedChunks(database, [...chunkIds.slice(i), ...chunkIds.slice(0, i)])),
    );
    expect(claims.flatMap((each) => idsOf(each.chunks)).sort()).toEqual([...chunkIds].sort());
  });

  test('When chunks are claimed, then the claim holds all that a worker needs, and each claim is an attempt', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1);
    const token = newId();
    const claimed = await claimChunks(database, { chunkIds: [...chunkIds, newId()], ...testLease, token });
    expect(claimed.token).toBe(token);
    expect(claimed.chunks).toMatchObject([
      { id: chunkIds[0], jobId, documentId, attempts: 1, payload: { text: `Chunk 0 of document ${documentId}` } },
    ]);
    expect(await chunkOf(database, chunkIds[0] ?? '')).toMatchObject({ status: 'processing', attempts: 1 });
  });

  test('When a chunk is to be tried again later, then an older delivery does not claim it early', async () => {
    const { chunkIds } = await chunkedDocument(database, 2);
    const [limited = '', good = ''] = chunkIds;
    const error = new MillraceError('EMBEDDING_RATE_LIMITED', 'slow down', { retryAfterMs: 60_000 });
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [{ chunkId: limited, error }] });
    const claimBy = (delivery: string) =>
      claimChunks(database, { chunkIds: [limited], ...testLease, token: newId(), queueJobIds: [delivery] });
    expect((await claimBy(`${limited}.1`)).chunks).toEqual([]);
    expect((await claimBy(`${good}.2`)).chunks).toEqual([]);
    const held = await claimBy(`${limited}.2`);
    expect(idsOf(held.chunks)).toEqual([limited]);

    await settleClaim(database, held, { failed: [{ chunkId: limited, error }] });
    await database.sql.none(`UPDATE job_chunks SET next_attempt_at = now() - interval '1 second' WHERE id = $1`, [
      limited,
    ]);
    expect(idsOf((await claimBy(`${limited}.1`)).chunks)).toEqual([limited]);
  });
});

describe('Releasing chunks', () => {
  test('When they get new deliveries, then another worker claims them and no attempt was counted', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const first = await claimedChunks(database, chunkIds);
    const released = await releaseChunks(database, { token: first.token, chunkIds, redeliver: true });
    expect(released).toHaveLength(2);
    expect(released).toContainEqual({
      chunkId: chunkIds[1],
      jobId,
      documentId,
      collectionId: first.chunks[1]?.collectionId,
      chunkIndex: 1,
      queueJobId: `${chunkIds[1]}.2`,
      queue: 'chunks',
      delayMs: 0,
    });
    expect(await renewChunkLeases(database, { token: first.token, leaseMs: testLease.leaseMs })).toBe(0);

    const second = await claimedChunks(database, chunkIds);
    expect(second.chunks.map((chunk) => chunk.attempts)).toEqual([1, 1]);
  });

  test('When their deliveries come again anyway, then none is made and their names stay', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const held = await claimedChunks(database, chunkIds);
    expect(await releaseChunks(database, { token: held.token, chunkIds, redeliver: false })).toEqual([]);
    expect(await chunkOf(database, chunkId)).toMatchObject({
      status: 'pending',
      attempts: 0,
      queueJobId: `${chunkId}.1`,
      leaseExpiresAt: null,
    });
  });

  test('When only some of a claim are released, then the others stay held', async () => {
    const { chunkIds } = await chunkedDocument(database, 3);
    const held = await claimedChunks(database, chunkIds);
    await releaseChunks(database, { token: held.token, chunkIds: chunkIds.slice(0, 1), redeliver: true });
    expect(await renewChunkLeases(database, { token: held.token, leaseMs: testLease.leaseMs })).toBe(2);
    expect((await settleClaim(database, held)).chunkIds).toEqual(new Set(chunkIds.slice(1)));
  });

  test('When they are released under another token, then nothing changes', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const held = await claimedChunks(database, chunkIds);
    expect(await releaseChunks(database, { token: newId(), chunkIds, redeliver: true })).toEqual([]);
    expect(await renewChunkLeases(database, { token: held.token, leaseMs: testLease.leaseMs })).toBe(1);
  });
});

describe('Settling chunks', () => {
  test('When all succeed, then the job is completed, the document ready, and the payloads are gone', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const settled = await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(settled.rounds).toMatchObject([{ jobId, documentId, status: 'completed', retries: [] }]);
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed',
      processedChunks: 3,
      failedChunks: 0,
    });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
    const stored = await storedOf(documentId);
    expect(stored.map((chunk) => chunk.content)).toEqual([0, 1, 2].map((i) => `Chunk ${i} of document ${documentId}`));
    const { payloads } = await database.sql.one<{ payloads: number }>(
      'SELECT count(payload)::integer AS payloads FROM job_chunks WHERE job_id = $1',
      [jobId],
    );
    expect(payloads).toBe(0);
  });

  test('When batches of one job are settled at the same time, then exactly one settlement ends it', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 24);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, i) => claimedChunks(database, chunkIds.slice(i * 3, i * 3 + 3))),
    );
    const settled = await Promise.all(claims.map((each) => settleClaim(database, each)));
    const ends = settled.flatMap((each) => each.rounds).filter((round) => round.status === 'completed');
    expect(ends).toHaveLength(1);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 24 });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When a worker settles what it no longer holds, then nothing changes and no vector is written', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1);
    const late = await claimedChunks(database, chunkIds);
    await releaseChunks(database, { token: late.token, chunkIds, redeliver: true });
    const next = await claimedChunks(database, chunkIds);
    expect(await settleClaim(database, late)).toEqual({ chunkIds: new Set(), rounds: [] });
    expect(await settleClaim(database, late, { failed: chunkIds.map(transientFailure) })).toEqual({
      chunkIds: new Set(),
      rounds: [],
    });
    expect(await storedOf(documentId)).toEqual([]);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'processing', processedChunks: 0 });
    expect((await settleClaim(database, next)).chunkIds.size).toBe(1);
  });

  test('When the same settlement is made twice, then the second changes nothing', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    const held = await claimedChunks(database, chunkIds);
    await settleClaim(database, held, { only: chunkIds.slice(0, 1) });
    expect(await settleClaim(database, held, { only: chunkIds.slice(0, 1) })).toEqual({
      chunkIds: new Set(),
      rounds: [],
    });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'processing', processedChunks: 1 });
  });

  test('When texts were claimed for embedding under the same token, then they are released, others are not', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const held = await claimedChunks(database, chunkIds);
    const hashes = held.chunks.map((chunk) => chunk.contentHash);
    const elsewhere = newId();
    await database.embeddingClaims.take({
      contentHashes: hashes,
      model: 'test-model',
      token: held.token,
      leaseMs: testLease.leaseMs,
    });
    await database.embeddingClaims.take({
      contentHashes: ['another'],
      model: 'test-model',
      token: elsewhere,
      leaseMs: testLease.leaseMs,
    });
    const settlement = {
      token: held.token,
      embedded: [],
      failed: chunkIds.map(transientFailure),
      embeddingModel: 'test-model',
      claimedTexts: [...hashes, 'another'],
    };
    await settleChunks(database, settlement, noBackoff);
    const taken = await database.embeddingClaims.take({
      contentHashes: [...hashes, 'another'],
      model: 'test-model',
      token: newId(),
      leaseMs: testLease.leaseMs,
    });
    expect(taken).toEqual(new Set(hashes));
  });

  test('When the vector does not fit the column, then the settlement is rolled back whole', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const held = await claimedChunks(database, chunkIds);
    const embedded = held.chunks.map((chunk, i) => ({
      chunk,
      embedding: new Float32Array(i === 0 ? 768 : 10).fill(1),
    }));
    const settlement = { token: held.token, embedded, failed: [], embeddingModel: 'test-model', claimedTexts: [] };
    await expect(settleChunks(database, settlement, noBackoff)).rejects.toThrow(/expected 768 dimensions, not 10/);
    expect(await storedOf(documentId)).toEqual([]);
    expect(await chunkCounts(database, jobId)).toEqual({ processing: 2 });
    expect((await settleClaim(database, held)).chunkIds.size).toBe(2);
  });
});

describe('Leases of chunks', () => {
  test('When one expires, then the chunk fails with WORKER_LOST and is tried again', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const lost = await claimedChunks(database, chunkIds);
    expect(await expireLeases(database, { chunkIds }, noBackoff)).toEqual({ expired: 0, rounds: [] });
    await letLeasesExpire(database, 'job_chunks', chunkIds);

    expect(await expireLeases(database, { chunkIds }, noBackoff)).toMatchObject({
      expired: 1,
      rounds: [{ jobId, status: 'retrying', retries: [{ chunkId }] }],
    });
    expect(await database.chunkAttempts.list(chunkId)).toMatchObject([{ outcome: 'failed', errorCode: 'WORKER_LOST' }]);
    expect((await settleClaim(database, lost)).chunkIds.size).toBe(0);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed');
  });

  test('When it is renewed after its deadline but before it was ended, then the work goes on', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    const held = await claimedChunks(database, chunkIds);
    await letLeasesExpire(database, 'job_chunks', chunkIds);
    expect(await renewChunkLeases(database, { token: held.token, leaseMs: testLease.leaseMs })).toBe(2);
    expect((await expireLeases(database, { chunkIds }, noBackoff)).expired).toBe(0);
    await settleClaim(database, held);
    expect((await jobOf(database, jobId)).status).toBe('completed');
  });

  test('When several look for expired leases at once, then each chunk is settled once', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 9);
    await claimedChunks(database, chunkIds);
    await letLeasesExpire(database, 'job_chunks', chunkIds);
    const found = await Promise.all(Array.from({ length: 4 }, () => expireLeases(database, { chunkIds }, noBackoff)));
    expect(found.reduce((sum, { expired }) => sum + expired, 0)).toBe(9);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', retryCount: 1, failedChunks: 0 });
  });

  test('When no chunks are named, then at most the requested number is ended', async () => {
    const { chunkIds } = await chunkedDocument(database, 3);
    await claimedChunks(database, chunkIds);
    await letLeasesExpire(database, 'job_chunks', chunkIds);
    expect((await expireLeases(database, { limit: 2 }, noBackoff)).expired).toBe(2);
    expect((await expireLeases(database, { limit: 2 }, noBackoff)).expired).toBe(1);
  });

  test('When a wrong clock has written a far deadline, then it is moved to one lease from now, and its holder goes on', async () => {
    const { chunkIds } = await chunkedDocument(database, 2);
    const [far = '', right = ''] = chunkIds;
    const held = await claimedChunks(database, chunkIds);
    const before = await chunkOf(database, right);
    await database.sql.none(`UPDATE job_chunks SET lease_expires_at = now() + interval '1 year' WHERE id = $1`, [far]);
    expect(await clampLeases(database, { leaseMs: testLease.leaseMs, limit: 100 })).toBe(1);
    const deadline = (await chunkOf(database, far)).leaseExpiresAt?.getTime() ?? 0;
    expect(deadline).toBeLessThan(Date.now() + 2 * testLease.leaseMs);
    expect(await chunkOf(database, right)).toEqual(before);
    expect((await settleClaim(database, held)).chunkIds.size).toBe(2);
  });
});
