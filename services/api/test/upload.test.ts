import { testApiKey, textPdf } from '@millrace/test-support';
import { UploadApi } from './uploads';

let uploads: UploadApi;
beforeAll(async () => {
  uploads = await UploadApi.start();
});
afterAll(() => uploads.stop());

describe('Uploads, reads and deletions of the same document at once', () => {
  test('When they come at once, then no request gets a server error', async () => {
    const file = await textPdf(['Wanted by many.']);
    const statuses: number[] = [];
    const client = async () => {
      for (let round = 0; round < 12; round += 1) {
        const uploaded = await uploads.post().attach('file', file, 'a.pdf');
        const path = `/api/v1/documents/${uploaded.body.document?.id}`;
        const [read, deleted] = await Promise.all([uploads.api.client.get(path), uploads.api.client.delete(path)]);
        statuses.push(uploaded.status, read.status, deleted.status);
      }
    };
    await Promise.all(Array.from({ length: 6 }, client));
    expect(statuses.filter((status) => ![200, 202, 204, 404].includes(status))).toEqual([]);
  });
});

describe('An accepted upload', () => {
  test('When it comes as a raw body with a name, then the name is kept', async () => {
    const response = await uploads
      .post()
      .query({ filename: 'raw körper.pdf' })
      .type('application/pdf')
      .send(await textPdf(['As a raw body.']));
    expect(response.status).toBe(202);
    expect(response.body.document).toMatchObject({ filename: 'raw körper.pdf', mime_type: 'application/pdf' });
    expect(response.headers.location).toBe(response.body.links.self);
  });

  test('When it sets numbers of retries, then job and chunks have these, and otherwise the configured ones', async () => {
    const limitsOf = async (id: string) =>
      uploads.api.database.sql.one('SELECT max_retries, chunk_max_retries FROM jobs WHERE id = $1', [id]);
    const form = await uploads
      .post()
      .attach('file', await textPdf(['Tried as the form says.']), 'a.pdf')
      .field('max_retries', '0')
      .field('chunk_max_retries', '100');
    expect(form.body.job.max_retries).toBe(0);
    expect(await limitsOf(form.body.job.id)).toEqual({ max_retries: 0, chunk_max_retries: 100 });
    const raw = await uploads
      .post()
      .query({ max_retries: 7 })
      .type('application/pdf')
      .send(await textPdf(['Tried as the query says.']));
    const { JOB_MAX_RETRIES, CHUNK_MAX_RETRIES } = uploads.api.environment.config();
    expect(await limitsOf(raw.body.job.id)).toEqual({ max_retries: 7, chunk_max_retries: CHUNK_MAX_RETRIES });
    const plain = await uploads.post().attach('file', await textPdf(['Tried as configured.']), 'a.pdf');
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
  ])(
    'When its reading options are %j, then its job has these, and the configured ones for the rest',
    async (said, reading) => {
      const raw = uploads.post().query(said).type('application/pdf');
      const { body } = await raw.send(await textPdf([`Read with ${JSON.stringify(said)}`]));
      expect(await uploads.api.database.sql.one('SELECT reading FROM jobs WHERE id = $1', [body.job.id])).toEqual({
        reading,
      });
    },
  );

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
        ? await uploads.post().type('application/pdf').send(file)
        : await fetch(`${uploads.api.url}/api/v1/documents`, {
            method: 'POST',
            headers: { authorization: `Bearer ${testApiKey}` },
            body: form,
          }).then(async (answer) => ({ body: (await answer.json()) as { document: { filename: string } } }));
    expect(response.body.document.filename).toBe(stored);
  });

  test('When other bytes come before the header of the PDF, then it is still a PDF', async () => {
    const junk = Buffer.concat([Buffer.alloc(500, '\n'), await textPdf(['After some junk.'])]);
    expect((await uploads.post().attach('file', junk, 'a.pdf')).status).toBe(202);
  });

  test.each([
    ['notes.md', async () => Buffer.from('# Notes'), 'text/markdown'],
    [
      'scan.pdf',
      async () => Buffer.concat([Buffer.from('junk\n'), await textPdf(['Without a type.'])]),
      'application/pdf',
    ],
    ['notes.log', async () => Buffer.from('No type and no known name.'), 'text/plain'],
  ])('When the part of the form with %s has no type, then the name decides', async (name, make, mimeType) => {
    const body = Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`),
      await make(),
      Buffer.from('\r\n--b--\r\n'),
    ]);
    const response = await uploads.post().set('Content-Type', 'multipart/form-data; boundary=b').send(body);
    expect(response).toMatchObject({ status: 202, body: { document: { mime_type: mimeType } } });
  });

  test('The stored size and hash match the uploaded bytes', async () => {
    const file = await textPdf(['Measured and hashed.']);
    const { body } = await uploads.post().attach('file', file, 'a.pdf');
    expect(body.document.size_bytes).toBe(file.length);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(file)));
    expect(body.document.content_hash).toBe(Buffer.from(digest).toString('hex'));
    expect(await uploads.files()).toContain(body.document.id);
  });
});
