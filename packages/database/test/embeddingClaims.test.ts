import { newId } from '@millrace/contracts';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Database } from '../src';

const model = 'a-model';
const leaseMs = 60_000;

describe('Claims on texts that are being embedded', () => {
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

  /** Makes texts that no other test uses. */
  const newTexts = (count: number) => Array.from({ length: count }, newId);
  const take = (texts: readonly string[], token = newId(), model_ = model) =>
    database.embeddingClaims.take({ contentHashes: texts, model: model_, token, leaseMs });
  const setDeadline = (text: string, deadline: string) =>
    database.sql.none(`UPDATE embedding_claims SET expires_at = now() + $2::interval WHERE content_hash = $1`, [
      text,
      deadline,
    ]);

  test('When two workers claim overlapping texts, then each text has one claimant', async () => {
    const [first = '', both = '', second = ''] = newTexts(3);
    expect(await take([first, both])).toEqual(new Set([first, both]));
    expect(await take([both, second])).toEqual(new Set([second]));
  });

  test('When many workers claim the same texts at once, then each text has one claimant', async () => {
    const texts = newTexts(20);
    const turned = (by: number) => [...texts.slice(by), ...texts.slice(0, by)];
    const taken = await Promise.all(Array.from({ length: 8 }, (_, i) => take(turned(i * 2))));
    expect(taken.flatMap((claimed) => [...claimed]).sort()).toEqual([...texts].sort());
  });

  test('When the claimant claims again, then it still has its texts', async () => {
    const texts = newTexts(2);
    const token = newId();
    await take(texts, token);
    expect(await take(texts, token)).toEqual(new Set(texts));
  });

  test('When the same text is claimed for another model, then that is another claim', async () => {
    const texts = newTexts(1);
    await take(texts);
    expect(await take(texts, newId(), 'another-model')).toEqual(new Set(texts));
  });

  test('When the claimant releases its texts, then others can claim them; no other worker can release them', async () => {
    const [mine = '', other = ''] = newTexts(2);
    const token = newId();
    await take([mine, other], token);
    await database.embeddingClaims.release([mine, other], newId());
    expect(await take([mine, other])).toEqual(new Set());
    await database.embeddingClaims.release([mine], token);
    expect(await take([mine, other])).toEqual(new Set([mine]));
  });

  test('When a claim has expired, then another worker takes it over, and the late claimant cannot release it', async () => {
    const [text = ''] = newTexts(1);
    const late = newId();
    await take([text], late);
    await setDeadline(text, '-1 second');
    expect(await take([text])).toEqual(new Set([text]));
    await database.embeddingClaims.renew([late], leaseMs);
    await database.embeddingClaims.release([text], late);
    expect(await take([text])).toEqual(new Set());
  });

  test('When a claim is renewed, then it holds, and other claims do not change', async () => {
    const [mine = '', other = ''] = newTexts(2);
    const token = newId();
    await take([mine], token);
    await take([other]);
    await setDeadline(mine, '-1 second');
    await setDeadline(other, '-1 second');
    await database.embeddingClaims.renew([token], leaseMs);
    expect(await take([mine, other])).toEqual(new Set([other]));
  });

  test('When a wrong clock has written a far deadline, then the claim does not hold', async () => {
    const [far = '', near = ''] = newTexts(2);
    await take([far, near]);
    await setDeadline(far, '1 year');
    await setDeadline(near, '90 seconds');
    expect(await take([far, near])).toEqual(new Set([far]));
  });

  test('When claims have expired, then a sweep removes them and keeps the others', async () => {
    const [gone = '', stays = ''] = newTexts(2);
    await take([gone, stays]);
    await setDeadline(gone, '-1 second');
    expect(await database.embeddingClaims.removeExpired(100)).toBeGreaterThanOrEqual(1);
    const rows = await database.sql.many<{ content_hash: string }>(
      'SELECT content_hash FROM embedding_claims WHERE content_hash = ANY($1::text[])',
      [[gone, stays]],
    );
    expect(rows).toEqual([{ content_hash: stays }]);
  });
});
