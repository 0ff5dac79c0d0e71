import { Readable } from 'node:stream';
import type { UploadResponse } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import { TestApi } from './support';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

describe('The charset that a client names for a text', () => {
  const mill = (about: string) => Buffer.concat([Buffer.from(`${about} `), Buffer.from([0xec, 0xeb, 0xe8, 0xed])]);
  const typeOf = (body: UploadResponse) => body.document.mime_type;

  test('When a raw body has it, then it is stored with the media type by its standard name', async () => {
    const send = (type: string, about: string) =>
      api.client.post('/api/v1/documents').set('Content-Type', type).send(mill(about));
    expect(typeOf((await send('text/plain; charset=CP1251', 'one')).body)).toBe('text/plain; charset=windows-1251');
    expect(typeOf((await send('text/html;charset="koi8-r"', 'two')).body)).toBe('text/html; charset=koi8-r');
    expect(typeOf((await send('text/plain; charset=no-such', 'three')).body)).toBe('text/plain');
  });

  test.each([
    ['first', '', 20_000],
    ['after a field', '--b\r\nContent-Disposition: form-data; name="max_retries"\r\n\r\n2\r\n', 20_000],
    ['first, in small pieces', '', 3],
  ])('When the file of a form has it, %s, then it is stored as well', async (place, before, pieceBytes) => {
    const form = Buffer.concat([
      Buffer.from(`${before}--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n`),
      Buffer.from('content-type: text/markdown; charset=windows-1251\r\n\r\n'),
      mill(`# ${place}\n--b content-type: text/plain; charset=koi8-r\n`),
      Buffer.from('\r\n--b--\r\n'),
    ]);
    const pieces = Array.from({ length: Math.ceil(form.length / pieceBytes) }, (_, index) =>
      form.subarray(index * pieceBytes, (index + 1) * pieceBytes),
    );
    const response = await fetch(`${api.url}/api/v1/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testApiKey}`, 'content-type': 'multipart/form-data; boundary=b' },
      body: Readable.toWeb(Readable.from(pieces)) as ReadableStream,
      duplex: 'half',
    } as RequestInit);
    expect(typeOf((await response.json()) as UploadResponse)).toBe('text/markdown; charset=windows-1251');
  });
});
