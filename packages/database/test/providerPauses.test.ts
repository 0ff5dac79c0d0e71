import { newId } from '@millrace/contracts';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Database } from '../src';

describe('Pauses of a provider', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ url: testDatabase.url, poolMax: 5, connectTimeoutMs: 60_000, applicationName: 'test' });
  });
  afterAll(async () => {
    await database?.close();
    await testDatabase?.drop();
  });

  let model: string;
  beforeEach(() => {
    model = newId();
  });
  const firstMs = 100_000;
  const longestMs = 600_000;
  const begin = (atLeastMs = 0) =>
    database.providerPauses.begin({
      model,
      atLeastMs,
      firstMs,
      longestMs,
      code: 'EMBEDDING_UNAVAILABLE',
      message: 'down',
    });
  const remaining = async () => (await database.providerPauses.find(model))?.remainingMs;
  const moveDeadline = (by: string) =>
    database.sql.none('UPDATE provider_pauses SET paused_until = now() + $2::interval WHERE model = $1', [model, by]);
  const countPauses = () =>
    database.sql.one<{ pauses: number }>('SELECT pauses FROM provider_pauses WHERE model = $1', [model]);
  /** Expects a pause of this length, less the time that has passed. */
  const expectAbout = (actual: number | undefined, expected: number) => {
    expect(actual).toBeLessThanOrEqual(expected);
    expect(actual).toBeGreaterThan(expected - 50_000);
  };

  test('When the last call succeeded, then there is no pause', async () => {
    expect(await database.providerPauses.find(model)).toBeNull();
  });

  test('When a call fails, then all workers pause for that model only', async () => {
    expectAbout((await begin()).remainingMs, firstMs);
    expectAbout(await remaining(), firstMs);
    expect(await database.providerPauses.find(newId())).toBeNull();
  });

  test('When the provider names a time, then the pause lasts that long', async () => {
    expectAbout((await begin(450_000)).remainingMs, 450_000);
    expectAbout((await begin(900_000)).remainingMs, 900_000);
    expectAbout((await begin(200_000)).remainingMs, 900_000);
  });

  test('When the provider names a time longer than our longest pause, then the pause lasts that long, up to an hour', async () => {
    expectAbout((await begin(3_600_000)).remainingMs, 3_600_000);
    expectAbout(await remaining(), 3_600_000);
  });

  test('When many calls meet the same fault at once, then there is one pause', async () => {
    await Promise.all(Array.from({ length: 10 }, () => begin()));
    expect(await countPauses()).toEqual({ pauses: 1 });
    expectAbout(await remaining(), firstMs);

    await moveDeadline('-1 second');
    await Promise.all(Array.from({ length: 10 }, () => begin()));
    expect(await countPauses()).toEqual({ pauses: 2 });
    expectAbout(await remaining(), 2 * firstMs);
  });

  test('When no call succeeds in between, then each pause is twice as long as the one before, up to the longest', async () => {
    const lengths: number[] = [];
    for (let pause = 1; pause <= 5; pause += 1) {
      lengths.push((await begin()).remainingMs);
      await moveDeadline('-1 second');
    }
    for (const [i, expected] of [100_000, 200_000, 400_000, 600_000, 600_000].entries()) {
      expectAbout(lengths[i], expected);
    }
  });

  test('When a pause is over and no call has succeeded yet, then the outage is still known', async () => {
    await begin();
    await moveDeadline('-1 second');
    await database.sql.none(`UPDATE provider_pauses SET since = now() - interval '1 minute' WHERE model = $1`, [model]);
    expect(await remaining()).toBe(0);
    const pause = await begin();
    expect(pause.failingForMs).toBeGreaterThanOrEqual(60_000);
    expectAbout(pause.remainingMs, 2 * firstMs);
  });

  test('When a call succeeds, then the outage is over, and the next pause is a first one', async () => {
    await begin();
    await moveDeadline('-1 second');
    await database.providerPauses.end(model);
    expect(await database.providerPauses.find(model)).toBeNull();
    expectAbout((await begin()).remainingMs, firstMs);
  });

  test('When a call succeeds that began before the pause, then the pause continues', async () => {
    await begin();
    await database.providerPauses.end(model);
    expectAbout(await remaining(), firstMs);
  });

  test('When a wrong clock has written a far deadline, then no worker waits for it, and the next success ends it', async () => {
    await begin();
    await moveDeadline('1 year');
    expect(await remaining()).toBe(0);
    expectAbout((await begin()).remainingMs, firstMs);
    await moveDeadline('1 year');
    await database.providerPauses.end(model);
    expect(await database.providerPauses.find(model)).toBeNull();
  });

  test('When no call was made for long after a pause, then the next fault begins a first pause', async () => {
    await begin();
    await begin();
    await database.sql.none(
      `UPDATE provider_pauses SET pauses = 9, since = now() - interval '2 days', paused_until = now() - interval '1 day'
       WHERE model = $1`,
      [model],
    );
    const pause = await begin();
    expectAbout(pause.remainingMs, firstMs);
    expect(pause.failingForMs).toBeLessThan(60_000);
    expect(await countPauses()).toEqual({ pauses: 1 });
  });
});
