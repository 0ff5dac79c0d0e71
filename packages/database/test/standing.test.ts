import { createTestDatabase } from '@millrace/test-support';
import { Pool } from '../src/connection/pool';
import { type Standing, standingOf, whyUnrelated } from '../src/connection/replicationState';

const primary: Standing = {
  isReplica: false,
  database: 'millrace',
  system: '7710604221071322189',
  started: '1792000000.000001',
  timeline: 2,
  lsn: 1_000n,
};
const replica: Standing = { ...primary, isReplica: true, started: '1792000000.000002', lsn: 900n };

describe('What may be read in place of the primary', () => {
  test('When it is a replica of it, or the primary itself, then nothing speaks against it', () => {
    expect(whyUnrelated(primary, replica)).toBeNull();
    expect(whyUnrelated(primary, { ...primary, lsn: 1_001n })).toBeNull();
  });

  test.each([
    ['of another cluster', { ...replica, system: '7710604221071322190' }, /another cluster/],
    ['another database', { ...replica, database: 'postgres' }, /postgres, not millrace/],
    ['another database of the primary', { ...primary, database: 'postgres' }, /postgres, not millrace/],
    ['on a branch of history of its own', { ...replica, timeline: 1 }, /timeline 1, the primary on 2/],
    ['a copy that runs by itself', { ...replica, isReplica: false }, /no replica/],
  ])('When it is %s, then that is said, however far it has got', (_, reader, reason) => {
    expect(whyUnrelated(primary, { ...reader, lsn: 2_000n })).toMatch(reason);
  });
});

test('When two roles or pools ask one server, then it is the same server, in whatever time zone they live', async () => {
  const testDatabase = await createTestDatabase();
  const standings = ['UTC', 'Asia/Tokyo'].map(async (zone) => {
    const url = new URL(testDatabase.url);
    url.searchParams.set('options', `-c timezone=${zone}`);
    const pool = new Pool({ url: url.toString(), poolMax: 1, connectTimeoutMs: 5_000, applicationName: 'test' });
    try {
      return await standingOf(pool);
    } finally {
      await pool.close();
    }
  });
  const [one, other] = (await Promise.all(standings)) as [Standing, Standing];
  await testDatabase.drop();
  expect(one).toMatchObject({ isReplica: false, database: new URL(testDatabase.url).pathname.slice(1) });
  expect(one.lsn).toBeGreaterThan(0n);
  expect(other).toEqual({ ...one, lsn: other.lsn });
});
