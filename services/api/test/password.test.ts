import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Database } from '@millrace/database';
import { openPdf } from '@millrace/pdf';
import { encryptedPdf, textPdf, waitFor } from '@millrace/test-support';
import { TestApi } from './support';
import { unlockProcess } from './unlockProcess';

let api: TestApi;
let database: Database;
let blobDir: string;
beforeAll(async () => {
  api = await TestApi.start();
  const { DATABASE_URL: url, BLOB_DIR } = api.environment.config();
  database = new Database({ url, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
  blobDir = BLOB_DIR;
});
afterAll(async () => {
  await database?.close();
  await api?.stop();
});

const post = () => api.client.post('/api/v1/documents');
const form = (pdf: Buffer, password: string) => post().field('password', password).attach('file', pdf, 'locked.pdf');

async function files(): Promise<string[]> {
  const entries = await readdir(blobDir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function documents(): Promise<unknown[]> {
  return database.sql.many('SELECT id FROM documents ORDER BY id');
}

/** Opens the stored original without a password. @returns the text of its first page. */
async function storedText(documentId: string): Promise<string> {
  const path = (await files()).find((name) => name.endsWith(documentId)) ?? '';
  const file = await openPdf(path);
  try {
    return file.readPage(1).text;
  } finally {
    file.close();
  }
}

/** Fails the document as the chunker does when the PDF asks for a password. */
async function failAsEncrypted(documentId: string): Promise<void> {
  const failed = `status = 'failed', error_code = 'PDF_ENCRYPTED', error = 'locked'`;
  await database.sql.none(`UPDATE jobs SET ${failed}, finished_at = now() WHERE document_id = $1`, [documentId]);
  await database.sql.none(`UPDATE documents SET ${failed}, source_path = NULL WHERE id = $1`, [documentId]);
}

describe('When an encrypted PDF comes with its password', () => {
  test('in the form, then the original is stored without it, with hash and size of the upload', async () => {
    const pdf = await encryptedPdf('sésame 1', 'In the form.');
    const { status, body } = await form(pdf, 'sésame 1');
    expect(status).toBe(202);
    expect(await storedText(body.document.id)).toBe('In the form.');
    expect(body.document).toMatchObject({
      content_hash: createHash('sha256').update(pdf).digest('hex'),
      size_bytes: pdf.length,
    });
    for (const path of await files()) {
      expect((await readFile(path)).includes('sésame 1')).toBe(false);
    }
  });

  test.each(['plain', 'päss wörd'])('%j in the header, then the original is stored without it', async (password) => {
    const pdf = await encryptedPdf(password, 'In the header.');
    const response = await fetch(`${api.url}/api/v1/documents`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.environment.variables.MILLRACE_API_KEY}`,
        'content-type': 'application/pdf',
        'x-document-password': Buffer.from(password, 'utf8').toString('latin1'),
      },
      body: new Uint8Array(pdf),
    });
    expect(response.status).toBe(202);
    const { document } = (await response.json()) as { document: { id: string } };
    expect(await storedText(document.id)).toBe('In the header.');
  });

  test('and comes again with or without it, then the answer is the first document', async () => {
    const pdf = await encryptedPdf('twice', 'Uploaded twice.');
    const { body } = await form(pdf, 'twice');
    for (const again of [await form(pdf, 'twice'), await post().attach('file', pdf, 'locked.pdf')]) {
      expect(again.status).toBe(200);
      expect(again.body).toMatchObject({ duplicate: true, document: { id: body.document.id } });
    }
  });

  test('and comes again after its original was lost, then the answer is still the first document', async () => {
    const pdf = await encryptedPdf('known', 'The row tells.');
    const { body } = await form(pdf, 'known');
    await rm((await files()).find((name) => name.endsWith(body.document.id)) ?? '');
    const again = await form(pdf, 'known');
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ duplicate: true, document: { id: body.document.id } });
  });
});

describe('A password that is refused', () => {
  test('When it is wrong, then PDF_PASSWORD_WRONG, and nothing is kept', async () => {
    const before = [await files(), await documents()];
    const response = await form(await encryptedPdf('right'), 'wrong');
    expect(response.body).toMatchObject({ status: 422, code: 'PDF_PASSWORD_WRONG', retryable: false });
    expect(JSON.stringify(response.body)).not.toContain('"wrong"');
    expect([await files(), await documents()]).toEqual(before);
  });

  test('When it is in the address, then REQUEST_INVALID', async () => {
    const response = await post()
      .query({ password: 'right' })
      .attach('file', await encryptedPdf('right'), 'a.pdf');
    expect(response.body).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ path: 'password' }] });
  });
});

test('When the client closes the connection while its PDF is unlocked, then nothing is kept', async () => {
  const before = [await files(), await documents()];
  const client = new AbortController();
  const body = new FormData();
  body.set('password', 'given up');
  body.set('file', new Blob([new Uint8Array(await encryptedPdf('given up'))]), 'locked.pdf');
  const answer = fetch(`${api.url}/api/v1/documents`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.environment.variables.MILLRACE_API_KEY}` },
    body,
    signal: client.signal,
  });
  answer.catch(() => undefined);
  await waitFor('the process', unlockProcess);
  client.abort();
  await expect(answer).rejects.toThrow();
  await waitFor('the process to end', async () => {
    const isSame = JSON.stringify([await files(), await documents()]) === JSON.stringify(before);
    return isSame && (await unlockProcess()) === undefined;
  });
});

describe('When a password comes with a file that is not encrypted', () => {
  test('then it is ignored', async () => {
    const pdf = await textPdf(['Not encrypted.']);
    const { status, body } = await form(pdf, 'needless');
    expect(status).toBe(202);
    expect(await storedText(body.document.id)).toBe('Not encrypted.');
    const path = (await files()).find((name) => name.endsWith(body.document.id)) ?? '';
    expect(await readFile(path)).toEqual(pdf);
  });
});

describe('When a document has failed because its password was missing', () => {
  async function failed(text: string) {
    const pdf = await encryptedPdf('late', text);
    const { body } = await post().attach('file', pdf, 'locked.pdf');
    await failAsEncrypted(body.document.id);
    return { pdf, id: body.document.id as string };
  }

  test('and the file comes again with the password, then a new document replaces it', async () => {
    const { pdf, id } = await failed('Opened in the end.');
    const { status, body } = await form(pdf, 'late');
    expect(status).toBe(202);
    expect(body).toMatchObject({ duplicate: false, document: { status: 'queued', error: null } });
    expect(await storedText(body.document.id)).toBe('Opened in the end.');
    expect((await api.client.get(`/api/v1/documents/${id}`)).status).toBe(404);
  });

  test('and the file comes again without it or with a wrong one, then the document stays', async () => {
    const { pdf, id } = await failed('Never opened.');
    expect((await form(pdf, 'early')).body).toMatchObject({ code: 'PDF_PASSWORD_WRONG' });
    const again = await post().attach('file', pdf, 'locked.pdf');
    expect(again.body).toMatchObject({ duplicate: true, document: { id, error: { code: 'PDF_ENCRYPTED' } } });
  });

  test('and the file comes several times at once with the password, then one document replaces it', async () => {
    const { pdf, id } = await failed('Wanted by many.');
    const answers = await Promise.all(Array.from({ length: 4 }, () => form(pdf, 'late')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    const ids = new Set(answers.map(({ body }) => body.document.id));
    expect(ids.size).toBe(1);
    expect(ids.has(id)).toBe(false);
    expect((await files()).filter((path) => path.includes('incoming'))).toEqual([]);
  });
});

describe('When the same file is still being read without its password', () => {
  async function inHand(text: string) {
    const pdf = await encryptedPdf('soon', text);
    const { body } = await post().attach('file', pdf, 'locked.pdf');
    return { pdf, id: body.document.id as string };
  }

  test.each(['queued', 'processing'])(
    'and comes again with it while the first is %s, then DOCUMENT_IN_PROGRESS until the first has failed',
    async (status) => {
      const { pdf, id } = await inHand(`First ${status}.`);
      await database.sql.none('UPDATE documents SET status = $1 WHERE id = $2', [status, id]);
      const before = [await files(), await documents()];
      const refused = await form(pdf, 'soon');
      expect(refused.body).toMatchObject({
        status: 409,
        code: 'DOCUMENT_IN_PROGRESS',
        retryable: true,
        document_id: id,
      });
      expect(refused.headers['retry-after']).toMatch(/^\d+$/);
      expect([await files(), await documents()]).toEqual(before);

      await failAsEncrypted(id);
      const taken = await form(pdf, 'soon');
      expect(taken).toMatchObject({ status: 202, body: { duplicate: false } });
      expect(await storedText(taken.body.document.id)).toBe(`First ${status}.`);
    },
  );

  test('and fails while the upload is unlocked, then the upload replaces it', async () => {
    const { pdf, id } = await inHand('Failed while waiting.');
    // The chunker that ends a job locks it in the same way. The upload waits for that transaction.
    let answer: Promise<{ status: number }> | undefined;
    await database.transaction(async (session) => {
      await session.sql.many('SELECT FROM jobs WHERE document_id = $1 FOR UPDATE', [id]);
      answer = form(pdf, 'soon').then(({ status }) => ({ status }));
      await waitFor('the upload to wait', async () => {
        const waiting = await session.sql.one<{ count: number }>(
          `SELECT count(*)::integer AS count FROM pg_locks
           WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`,
        );
        return waiting.count > 0;
      });
      const failed = `status = 'failed', error_code = 'PDF_ENCRYPTED', error = 'locked'`;
      await session.sql.none(`UPDATE jobs SET ${failed}, finished_at = now() WHERE document_id = $1`, [id]);
      await session.sql.none(`UPDATE documents SET ${failed}, source_path = NULL WHERE id = $1`, [id]);
    });
    expect(await answer).toEqual({ status: 202 });
  });

  test('and comes with a wrong one or needs none, then the answer says so', async () => {
    const { pdf } = await inHand('Wrong.');
    expect((await form(pdf, 'never')).body).toMatchObject({ code: 'PDF_PASSWORD_WRONG' });
    const open = await textPdf(['Open, twice.']);
    expect((await form(open, 'needless')).status).toBe(202);
    expect((await form(open, 'needless')).body).toMatchObject({ duplicate: true });
  });
});
