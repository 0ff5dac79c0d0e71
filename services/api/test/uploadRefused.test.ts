import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { testApiKey, waitFor } from '@millrace/test-support';
import { maxBytes, UploadApi } from './uploads';

let uploads: UploadApi;
beforeAll(async () => {
  uploads = await UploadApi.start();
});
afterAll(() => uploads.stop());

/** Sends an upload that is refused, and checks that no file and no row of it stay. */
async function refused(send: () => Promise<{ status: number; body: unknown }>, status: number, code: string) {
  const before = [await uploads.files(), await uploads.rows()];
  const response = await send();
  expect(response).toMatchObject({ status, body: { status, code, advice: expect.any(String) } });
  expect([await uploads.files(), await uploads.rows()]).toEqual(before);
  return response;
}

describe('A refused upload', () => {
  test('When there is no body, then UPLOAD_NO_FILE', () => refused(() => uploads.post(), 400, 'UPLOAD_NO_FILE'));

  test('When the form holds no file, then UPLOAD_NO_FILE', () =>
    refused(() => uploads.post().field('name', 'value'), 400, 'UPLOAD_NO_FILE'));

  test('When the file is empty, then UPLOAD_EMPTY', () =>
    refused(() => uploads.post().attach('file', Buffer.alloc(0), 'empty.pdf'), 400, 'UPLOAD_EMPTY'));

  test('When a raw body is empty, then UPLOAD_NO_FILE', () =>
    refused(() => uploads.post().type('application/pdf').send(Buffer.alloc(0)), 400, 'UPLOAD_NO_FILE'));

  test('When the file is named a PDF but is not one, then UNSUPPORTED_MEDIA_TYPE', () =>
    refused(
      () =>
        uploads.post().attach('file', Buffer.from('just text'), { filename: 'a.pdf', contentType: 'application/pdf' }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ));

  test('When a large file is not a PDF, then UNSUPPORTED_MEDIA_TYPE', () =>
    refused(() => uploads.post().attach('file', Buffer.alloc(90_000, 'x'), 'a.pdf'), 415, 'UNSUPPORTED_MEDIA_TYPE'));

  test('When the body has a type that is not accepted, then UNSUPPORTED_MEDIA_TYPE', () =>
    refused(() => uploads.post().type('image/png').send(Buffer.from('hello')), 415, 'UNSUPPORTED_MEDIA_TYPE'));

  test.each(['image/png', 'application/json', 'application/msword'])(
    'When the file of the form has type %s, then UNSUPPORTED_MEDIA_TYPE names the accepted types',
    async (contentType) => {
      const file = { filename: 'a.txt', contentType };
      const answer = await refused(
        () => uploads.post().attach('file', Buffer.from('hello'), file),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      );
      expect(answer.body).toMatchObject({ detail: expect.stringMatching(/application\/pdf.*text\/markdown/) });
    },
  );

  test('When the declared length is over the limit, then UPLOAD_TOO_LARGE', async () => {
    const large = Buffer.concat([uploads.pdf, Buffer.alloc(3 * maxBytes)]);
    const { body } = await refused(() => uploads.post().attach('file', large, 'a.pdf'), 413, 'UPLOAD_TOO_LARGE');
    expect(body).toMatchObject({ limit_bytes: maxBytes });
  });

  test('When the file turns out to be over the limit, then UPLOAD_TOO_LARGE', () =>
    refused(
      () => uploads.post().attach('file', Buffer.concat([uploads.pdf, Buffer.alloc(maxBytes)]), 'a.pdf'),
      413,
      'UPLOAD_TOO_LARGE',
    ));

  test('When a body of unknown length turns out to be over the limit, then UPLOAD_TOO_LARGE', async () => {
    const before = [await uploads.files(), await uploads.rows()];
    const response = await fetch(`${uploads.api.url}/api/v1/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}`, 'content-type': 'application/pdf' },
      body: new Blob([new Uint8Array(uploads.pdf), new Uint8Array(2 * maxBytes)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect([await uploads.files(), await uploads.rows()]).toEqual(before);
  });

  const piece = Buffer.from('%PDF-1.7'.padEnd(maxBytes));
  const chunk = Buffer.concat([Buffer.from(`${maxBytes.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  test.each([
    ['its length says', `Content-Length: ${200 * maxBytes}`, Array(200).fill(piece)],
    ['shows while it comes', 'Transfer-Encoding: chunked', [...Array(200).fill(chunk), Buffer.from('0\r\n\r\n')]],
  ])(
    'When a file is too large, which %s, then a client that reads only after it has sent all gets the answer',
    async (_, header, body) => {
      const socket = connect(Number(new URL(uploads.api.url).port), '127.0.0.1');
      const head = ['POST /api/v1/documents HTTP/1.1', 'Host: x', `Authorization: Bearer ${testApiKey}`, header];
      const type = 'Content-Type: application/pdf\r\n\r\n';
      await pipeline(Readable.from([Buffer.from([...head, type].join('\r\n')), ...body]), socket, { end: false });
      expect(await text(socket)).toMatch(/^HTTP\/1.1 413.*UPLOAD_TOO_LARGE/s);
    },
  );

  test('When the form has no boundary, then UPLOAD_MALFORMED', () =>
    refused(() => uploads.post().set('Content-Type', 'multipart/form-data').send('x'), 400, 'UPLOAD_MALFORMED'));

  test('When the form is cut off, then UPLOAD_MALFORMED', () =>
    refused(
      () =>
        uploads
          .post()
          .set('Content-Type', 'multipart/form-data; boundary=b')
          .send(`--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4 cut off here`),
      400,
      'UPLOAD_MALFORMED',
    ));

  test('When the form holds two files, then UPLOAD_MALFORMED', () =>
    refused(
      () => uploads.post().attach('file', uploads.pdf, 'a.pdf').attach('file', uploads.pdf, 'b.pdf'),
      400,
      'UPLOAD_MALFORMED',
    ));

  test.each(['before', 'after'])('When the form has too many fields %s its file, then UPLOAD_MALFORMED', (place) =>
    refused(
      () => {
        const form = uploads.post();
        if (place === 'after') {
          form.attach('file', uploads.pdf, 'a.pdf');
        }
        for (let number = 1; number <= 20; number++) {
          form.field(`field${number}`, 'x');
        }
        form.field('password', 'the 21st');
        return place === 'after' ? form : form.attach('file', uploads.pdf, 'a.pdf');
      },
      400,
      'UPLOAD_MALFORMED',
    ),
  );

  test('When a field of the form is too long, then UPLOAD_MALFORMED', () =>
    refused(
      () =>
        uploads
          .post()
          .field('password', 'x'.repeat(96 * 1024 + 1))
          .attach('file', uploads.pdf, 'a.pdf'),
      400,
      'UPLOAD_MALFORMED',
    ));

  test('When the collection does not exist, then COLLECTION_NOT_FOUND', () =>
    refused(
      () =>
        uploads
          .post()
          .field('collection_id', '01980000-0000-7000-8000-0123456789ab')
          .attach('file', uploads.pdf, 'a.pdf'),
      404,
      'COLLECTION_NOT_FOUND',
    ));

  test('When the collection id is not a UUID, then REQUEST_INVALID names the field', async () => {
    const { body } = await refused(
      () => uploads.post().attach('file', uploads.pdf, 'a.pdf').field('collection_id', 'nonsense'),
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
    const form = await refused(
      () => uploads.post().attach('file', uploads.pdf, 'a.pdf').field(field, value),
      400,
      'REQUEST_INVALID',
    );
    expect(form.body).toMatchObject({ errors });
    const raw = () =>
      uploads
        .post()
        .query({ [field]: value })
        .type('application/pdf')
        .send(uploads.pdf);
    expect((await refused(raw, 400, 'REQUEST_INVALID')).body).toMatchObject({ errors });
  });

  test('When the client closes the connection in the middle, then no file and no row stay', async () => {
    const before = [await uploads.files(), await uploads.rows()];
    const { hostname, port } = new URL(uploads.api.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /api/v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${testApiKey}\r\n` +
        'Content-Type: application/pdf\r\nContent-Length: 50000\r\n\r\n%PDF-1.4 the beginning',
    );
    await waitFor('the upload to begin', async () => (await uploads.files()).length > (before[0] as string[]).length);
    socket.destroy();
    await waitFor(
      'the file to be removed',
      async () => (await uploads.files()).length === (before[0] as string[]).length,
    );
    expect(await uploads.rows()).toBe(before[1]);
  });
});
