import { createTestDatabase } from '@millrace/test-support';
import { Pool } from '../src/connection/pool';
import { findMismatch, type ReplicationState, readReplicationState } from '../src/connection/replicationState';

const primary: ReplicationState = {
  isReplica: false,
  database: 'millrace',
  system: '7710604221071322189',
  started: '1792000000.000001',
  timeline: 2,
  lsn: 1_000n,
};
const replica: ReplicationState = { ...primary, isReplica: true, started: '1792000000.000002', lsn: 900n };

describe('findMismatch', () => {
  test('When the server is a replica of the primary or the primary itself, then it may be read', () => {
    expect(findMismatch(primary, replica)).toBeNull();
    expect(findMismatch(primary, { ...primary, lsn: 1_001n })).toBeNull();
  });

  test.each([
    ['belongs to another cluster', { ...replica, system: '7710604221071322190' }, /another cluster/],
    ['is another database', { ...replica, database: 'postgres' }, /postgres, not millrace/],
    ['is another database of the primary', { ...primary, database: 'postgres' }, /postgres, not millrace/],
    ['is on another timeline', { ...replica, timeline: 1 }, /timeline 1, the primary on 2/],
    ['is a copy that replays nothing', { ...replica, isReplica: false }, /neither a replica/],
  ])('When the server %s, then that is the reason not to read it, however far its log is', (_, reader, reason) => {
    expect(findMismatch(primary, { ...reader, lsn: 2_000n })).toMatch(reason);
  });
});

test('When two pools ask one server in different time zones, then isSameServer can tell that it is the same', async () => {
  const testDatabase = await createTestDatabase();
  const reading = ['UTC', 'Asia/Tokyo'].map(async (zone) => {
    const url = new URL(testDatabase.url);
    url.searchParams.set('options', `-c timezone=${zone}`);
    const pool = new Pool({ url: url.toString(), poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
    try {
      return await readReplicationState(pool);
    } finally {
      await pool.close();
    }
  });
  const [one, other] = (await Promise.all(reading)) as [ReplicationState, ReplicationState];
  await testDatabase.drop();
  expect(one).toMatchObject({ isReplica: false, database: new URL(testDatabase.url).pathname.slice(1) });
  expect(one.lsn).toBeGreaterThan(0n);
  expect(other).toEqual({ ...one, lsn: other.lsn });
});
