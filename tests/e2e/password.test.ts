import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encryptedPdf, waitFor } from '@millrace/test-support';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { TestStack } from './support';

const password = 'Zwiebelkuchen-4711';

let millrace: TestStack;
beforeAll(async () => {
  millrace = await TestStack.start({ LOG_LEVEL: 'trace' });
});
afterAll(() => millrace.stop());

/** Reads everything that is stored: files and logs, rows, and keys of the queues. */
async function everything(): Promise<Buffer[]> {
  const { STATE_DIR, DATABASE_URL, REDIS_URL, QUEUE_PREFIX } = millrace.environment.config();
  const stored: Buffer[] = [];
  for (const entry of await readdir(STATE_DIR, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      stored.push(await readFile(join(entry.parentPath, entry.name)));
    }
  }
  const client = new Client({ connectionString: DATABASE_URL });
  await client.connect();
  const tables = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  for (const { name } of tables.rows) {
    const { rows } = await client.query(`SELECT t::text FROM ${name} t`);
    stored.push(Buffer.from(JSON.stringify(rows)));
  }
  await client.end();
  const redis = new Redis(REDIS_URL);
  for (const key of await redis.keys(`${QUEUE_PREFIX.replace(/[{}]/g, '?')}*`)) {
    stored.push((await redis.dumpBuffer(key)) ?? Buffer.alloc(0));
  }
  redis.disconnect();
  return stored;
}

test('When an encrypted PDF comes with its password, then it is searchable and the password is stored nowhere', async () => {
  const text = 'Only those who know the word may read of the onion harvest.';
  const pdf = await encryptedPdf(password, text);
  const first = await millrace.ingest(pdf);
  expect(first.document).toMatchObject({ status: 'failed', error: { code: 'PDF_ENCRYPTED' } });

  const wrong = await millrace.upload(pdf, 'onions.pdf', { password: `${password}!` });
  expect(wrong).toMatchObject({ status: 422, body: { code: 'PDF_PASSWORD_WRONG' } });

  const { status, body } = await millrace.upload(pdf, 'onions.pdf', { password });
  expect(status).toBe(202);
  expect((await millrace.endOf(body.job.id)).status).toBe('completed');
  expect(await millrace.search('onion harvest', { document_id: body.document.id })).toMatchObject([
    { text, page_start: 1, filename: 'onions.pdf' },
  ]);

  const raw = await fetch(`${millrace.stack.apiUrl}/api/v1/documents`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${millrace.environment.variables.MILLRACE_API_KEY}`,
      'content-type': 'application/pdf',
      'x-document-password': password,
    },
    body: new Uint8Array(await encryptedPdf(password, 'A second harvest.')),
  });
  expect(raw.status).toBe(202);

  // A request is logged after its answer. The client may have read the answer before.
  const stored = await waitFor('the last upload to be logged', async () => {
    const all = await everything();
    return all.some((bytes) => bytes.includes('x-document-password')) && all;
  });
  expect(stored.some((bytes) => bytes.includes('onions.pdf'))).toBe(true);
  expect(stored.filter((bytes) => bytes.includes(password))).toEqual([]);
});
