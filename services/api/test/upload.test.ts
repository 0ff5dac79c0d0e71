import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Database } from '@millrace/database';
import { testApiKey, textPdf, waitFor } from '@millrace/test-support';
import { TestApi } from './support';

const maxBytes = 100_000;
let api: TestApi;
let database: Database;
let pdf: Buffer;
beforeAll(async () => {
  api = await TestApi.start({ UPLOAD_MAX_BYTES: String(maxBytes) });
  database = new Database({
    url: api.environment.config().DATABASE_URL,
    poolMax: 1,
    connectTimeoutMs: 5_000,
    applicationName: 'test',
  });
  pdf = await textPdf(['A small document.']);
});
afterAll(async () => {
  await database.close();
  await api.stop();
});

async function files(): Promise<string[]> {
  const entries = await readdir(api.environment.config().BLOB_DIR, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

async function rows(): Promise<number> {
  const { count } = await database.sql.one<{ count: number }>('SELECT count(*)::integer AS count FROM documents');
  return count;
}

/** Runs a refused upload and sees that nothing of it stays. */
async function refused(send: () => Promise<{ status: number; body: unknown }>, status: number, code: string) {
  const before = [await files(), await rows()];
  const response = await send();
  expect(response).toMatchObject({ status, body: { status, code, advice: expect.any(String) } });
  expect([await files(), await rows()]).toEqual(before);
  return response;
}

const post = () => api.client.post('/api/v1/documents');

describe('An upload that is refused', () => {
  test('When there is no body, then UPLOAD_NO_FILE', () => refused(() => post(), 400, 'UPLOAD_NO_FILE'));

  test('When the form holds no file, then UPLOAD_NO_FILE', () =>
    refused(() => post().field('name', 'value'), 400, 'UPLOAD_NO_FILE'));

  test('When the file is empty, then UPLOAD_EMPTY', () =>
    refused(() => post().attach('file', Buffer.alloc(0), 'empty.pdf'), 400, 'UPLOAD_EMPTY'));

  test('When a raw body is empty, then UPLOAD_NO_FILE', () =>
    refused(() => post().type('application/pdf').send(Buffer.alloc(0)), 400, 'UPLOAD_NO_FILE'));

  test('When the file is called PDF and is none, then UNSUPPORTED_MEDIA_TYPE', () =>
    refused(
      () => post().attach('file', Buffer.from('just text'), { filename: 'a.pdf', contentType: 'application/pdf' }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ));

  test('When a large file is not a PDF, then UNSUPPORTED_MEDIA_TYPE before it has been received whole', () =>
    refused(() => post().attach('file', Buffer.alloc(90_000, 'x'), 'a.pdf'), 415, 'UNSUPPORTED_MEDIA_TYPE'));

  test('When the body is of a type that is not taken, then UNSUPPORTED_MEDIA_TYPE', () =>
    refused(() => post().type('image/png').send(Buffer.from('hello')), 415, 'UNSUPPORTED_MEDIA_TYPE'));

  test.each(['image/png', 'application/json', 'application/msword'])(
    'When the part of the form is of type %s, then UNSUPPORTED_MEDIA_TYPE, and its words name what is accepted',
    async (contentType) => {
      const file = { filename: 'a.txt', contentType };
      const answer = await refused(
        () => post().attach('file', Buffer.from('hello'), file),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      );
      expect(answer.body).toMatchObject({ detail: expect.stringMatching(/application\/pdf.*text\/markdown/) });
    },
  );

  test('When the declared length is over the limit, then UPLOAD_TOO_LARGE', async () => {
    const large = Buffer.concat([pdf, Buffer.alloc(3 * maxBytes)]);
    const { body } = await refused(() => post().attach('file', large, 'a.pdf'), 413, 'UPLOAD_TOO_LARGE');
    expect(body).toMatchObject({ limit_bytes: maxBytes });
  });

  test('When the file goes over the limit while it comes, then UPLOAD_TOO_LARGE', () =>
    refused(
      () => post().attach('file', Buffer.concat([pdf, Buffer.alloc(maxBytes)]), 'a.pdf'),
      413,
      'UPLOAD_TOO_LARGE',
    ));

  test('When a body of unknown length goes over the limit, then UPLOAD_TOO_LARGE', async () => {
    const before = [await files(), await rows()];
    const response = await fetch(`${api.url}/api/v1/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}`, 'content-type': 'application/pdf' },
      body: new Blob([new Uint8Array(pdf), new Uint8Array(2 * maxBytes)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect([await files(), await rows()]).toEqual(before);
  });

  const piece = Buffer.from('%PDF-1.7'.padEnd(maxBytes));
  const chunk = Buffer.concat([Buffer.from(`${maxBytes.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  test.each([
    ['is said first', `Content-Length: ${200 * maxBytes}`, Array(200).fill(piece)],
    ['comes out in the end', 'Transfer-Encoding: chunked', [...Array(200).fill(chunk), Buffer.from('0\r\n\r\n')]],
  ])(
    'When a file is too large, which %s, then a client that sends it all before it reads hears so',
    async (_, header, body) => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      const head = ['POST /api/v1/documents HTTP/1.1', 'Host: x', `Authorization: Bearer ${testApiKey}`, header];
      const type = 'Content-Type: application/pdf\r\n\r\n';
      await pipeline(Readable.from([Buffer.from([...head, type].join('\r\n')), ...body]), socket, { end: false });
      expect(await text(socket)).toMatch(/^HTTP\/1.1 413.*UPLOAD_TOO_LARGE/s);
    },
  );

  test('When the form has no boundary, then UPLOAD_MALFORMED', () =>
    refused(() => post().set('Content-Type', 'multipart/form-data').send('x'), 400, 'UPLOAD_MALFORMED'));

  test('When the form ends before its end, then UPLOAD_MALFORMED', () =>
    refused(
      () =>
        post()
          .set('Content-Type', 'multipart/form-data; boundary=b')
          .send(`--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4 cut off here`),
      400,
      'UPLOAD_MALFORMED',
    ));

  test('When the form holds two files, then UPLOAD_MALFORMED', () =>
    refused(() => post().attach('file', pdf, 'a.pdf').attach('file', pdf, 'b.pdf'), 400, 'UPLOAD_MALFORMED'));

  test.each(['before', 'after'])(
    'When the form holds more fields than are taken %s its file, then UPLOAD_MALFORMED',
    (place) =>
      refused(
        () => {
          const form = post();
          if (place === 'after') {
            form.attach('file', pdf, 'a.pdf');
          }
          for (let number = 1; number <= 20; number++) {
            form.field(`field${number}`, 'x');
          }
          form.field('password', 'the 21st');
          return place === 'after' ? form : form.attach('file', pdf, 'a.pdf');
        },
        400,
        'UPLOAD_MALFORMED',
      ),
  );

  test('When a field of the form is too long, then UPLOAD_MALFORMED', () =>
    refused(
      () =>
        post()
          .field('password', 'x'.repeat(16 * 1024 + 1))
          .attach('file', pdf, 'a.pdf'),
      400,
      'UPLOAD_MALFORMED',
    ));

  test('When the collection does not exist, then COLLECTION_NOT_FOUND', () =>
    refused(
      () => post().field('collection_id', '01980000-0000-7000-8000-0123456789ab').attach('file', pdf, 'a.pdf'),
      404,
      'COLLECTION_NOT_FOUND',
    ));

  test('When the collection is no id, then REQUEST_INVALID names the field', async () => {
    const { body } = await refused(
      () => post().attach('file', pdf, 'a.pdf').field('collection_id', 'nonsense'),
      400,
      'REQUEST_INVALID',
    );
    expect(body).toMatchObject({ errors: [{ path: 'collection_id' }] });
  });

  test.each([
    ['max_retries', '-1'],
    ['max_retries', '101'],
    ['max_retries', ''],
    ['max_retries', '1.5'],
    ['max_retries', 'many'],
    ['chunk_max_retries', '0'],
    ['chunk_max_retries', '101'],
    ['chunk_max_retries', ' 5'],
    ['chunk_strategy', 'sections'],
    ['chunk_strategy', ''],
    ['chunk_max_tokens', '15'],
    ['chunk_max_tokens', '8001'],
    ['chunk_overlap_tokens', '201'],
    ['ocr', 'perhaps'],
  ])('When %s is %j, then REQUEST_INVALID names the field', async (field, value) => {
    const errors = [{ path: field }];
    const form = await refused(() => post().attach('file', pdf, 'a.pdf').field(field, value), 400, 'REQUEST_INVALID');
    expect(form.body).toMatchObject({ errors });
    const raw = () =>
      post()
        .query({ [field]: value })
        .type('application/pdf')
        .send(pdf);
    expect((await refused(raw, 400, 'REQUEST_INVALID')).body).toMatchObject({ errors });
  });

  test('When the client goes away in the middle, then nothing stays', async () => {
    const before = [await files(), await rows()];
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /api/v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${testApiKey}\r\n` +
        'Content-Type: application/pdf\r\nContent-Length: 50000\r\n\r\n%PDF-1.4 the beginning',
    );
    await waitFor('the upload to begin', async () => (await files()).length > (before[0] as string[]).length);
    socket.destroy();
    await waitFor('the file to be removed', async () => (await files()).length === (before[0] as string[]).length);
    expect(await rows()).toBe(before[1]);
  });
});

describe('Uploads, reads and deletions of the same document at once', () => {
  test('When they meet, then each is answered and none with an error of ours', async () => {
    const file = await textPdf(['Wanted by everybody.']);
    const statuses: number[] = [];
    const client = async () => {
      for (let round = 0; round < 12; round += 1) {
        const uploaded = await post().attach('file', file, 'a.pdf');
        const path = `/api/v1/documents/${uploaded.body.document?.id}`;
        const [read, deleted] = await Promise.all([api.client.get(path), api.client.delete(path)]);
        statuses.push(uploaded.status, read.status, deleted.status);
      }
    };
    await Promise.all(Array.from({ length: 6 }, client));
    expect(statuses.filter((status) => ![200, 202, 204, 404].includes(status))).toEqual([]);
  });
});

describe('An upload that is accepted', () => {
  test('When it comes as a raw body with a name, then the name is kept', async () => {
    const response = await post()
      .query({ filename: 'raw körper.pdf' })
      .type('application/pdf')
      .send(await textPdf(['As a raw body.']));
    expect(response.status).toBe(202);
    expect(response.body.document).toMatchObject({ filename: 'raw körper.pdf', mime_type: 'application/pdf' });
    expect(response.headers.location).toBe(response.body.links.self);
  });

  test('When it says how often to try, then its job and chunks do so, and otherwise as configured', async () => {
    const limitsOf = async (id: string) =>
      database.sql.one('SELECT max_retries, chunk_max_retries FROM jobs WHERE id = $1', [id]);
    const form = await post()
      .attach('file', await textPdf(['Tried as the form says.']), 'a.pdf')
      .field('max_retries', '0')
      .field('chunk_max_retries', '100');
    expect(form.body.job.max_retries).toBe(0);
    expect(await limitsOf(form.body.job.id)).toEqual({ max_retries: 0, chunk_max_retries: 100 });
    const raw = await post()
      .query({ max_retries: 7 })
      .type('application/pdf')
      .send(await textPdf(['Tried as the query says.']));
    const { JOB_MAX_RETRIES, CHUNK_MAX_RETRIES } = api.environment.config();
    expect(await limitsOf(raw.body.job.id)).toEqual({ max_retries: 7, chunk_max_retries: CHUNK_MAX_RETRIES });
    const plain = await post().attach('file', await textPdf(['Tried as configured.']), 'a.pdf');
    expect(plain.body.job.max_retries).toBe(JOB_MAX_RETRIES);
    expect(plain.body.job.links).toEqual({
      self: `/api/v1/jobs/${plain.body.job.id}`,
      chunks: `/api/v1/jobs/${plain.body.job.id}/chunks`,
      retry: `/api/v1/jobs/${plain.body.job.id}/chunks/retry`,
      retry_pages: `/api/v1/jobs/${plain.body.job.id}/pages/retry`,
      cancel: `/api/v1/jobs/${plain.body.job.id}/cancel`,
      document: plain.body.links.self,
    });
  });

  test.each([
    [
      { chunk_strategy: 'page', chunk_max_tokens: 300, chunk_overlap_tokens: 0 },
      { strategy: 'page', maxTokens: 300, overlapTokens: 0, ocr: 'auto' },
    ],
    [{ chunk_max_tokens: 40 }, { strategy: 'structure', maxTokens: 40, overlapTokens: 20, ocr: 'auto' }],
    [{}, { strategy: 'structure', maxTokens: 400, overlapTokens: 50, ocr: 'auto' }],
    [{ ocr: 'off' }, { strategy: 'structure', maxTokens: 400, overlapTokens: 50, ocr: 'off' }],
  ])('When it says %j of its chunks, then its job reads it so, and otherwise as configured', async (said, reading) => {
    const raw = post().query(said).type('application/pdf');
    const { body } = await raw.send(await textPdf([`Read with ${JSON.stringify(said)}`]));
    expect(await database.sql.one('SELECT reading FROM jobs WHERE id = $1', [body.job.id])).toEqual({ reading });
  });

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\report.pdf', 'report.pdf'],
    ['naïve – 東京.pdf', 'naïve – 東京.pdf'],
    ['', 'document.pdf'],
  ])('When its name is %j, then it is stored as %j', async (given, stored) => {
    const file = await textPdf([`Named ${given}`]);
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(file)]), given || 'blob');
    const response =
      given === ''
        ? await post().type('application/pdf').send(file)
        : await fetch(`${api.url}/api/v1/documents`, {
            method: 'POST',
            headers: { authorization: `Bearer ${testApiKey}` },
            body: form,
          }).then(async (answer) => ({ body: (await answer.json()) as { document: { filename: string } } }));
    expect(response.body.document.filename).toBe(stored);
  });

  test('When some junk stands before the header of the PDF, then it is still a PDF', async () => {
    const junk = Buffer.concat([Buffer.alloc(500, '\n'), await textPdf(['After some junk.'])]);
    expect((await post().attach('file', junk, 'a.pdf')).status).toBe(202);
  });

  test.each([
    ['notes.md', async () => Buffer.from('# Notes'), 'text/markdown'],
    [
      'scan.pdf',
      async () => Buffer.concat([Buffer.from('junk\n'), await textPdf(['Without a type.'])]),
      'application/pdf',
    ],
    ['notes.log', async () => Buffer.from('No type and no known name.'), 'text/plain'],
  ])('When the part of the form that holds %s says no type, then its name does', async (name, make, mimeType) => {
    const body = Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`),
      await make(),
      Buffer.from('\r\n--b--\r\n'),
    ]);
    const response = await post().set('Content-Type', 'multipart/form-data; boundary=b').send(body);
    expect(response).toMatchObject({ status: 202, body: { document: { mime_type: mimeType } } });
  });

  test('When it is stored, then size and hash are those of the bytes', async () => {
    const file = await textPdf(['Measured and hashed.']);
    const { body } = await post().attach('file', file, 'a.pdf');
    expect(body.document.size_bytes).toBe(file.length);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(file)));
    expect(body.document.content_hash).toBe(Buffer.from(digest).toString('hex'));
    expect(await files()).toContain(body.document.id);
  });
});
