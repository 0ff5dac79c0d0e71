import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createLogger } from '@millrace/telemetry';
import { textPdf, waitFor } from '@millrace/test-support';
import { TestApi } from './support';

let log = '';
let api: TestApi;
beforeAll(async () => {
  const destination = new Writable({
    write(line, _encoding, done) {
      log += line;
      done();
    },
  });
  api = await TestApi.start({}, createLogger('test', 'trace', destination));
});
afterAll(() => api.stop());

const names: [name: string, kept: string][] = [
  ['../../../../etc/passwd', 'passwd'],
  ['..\\..\\windows\\win.ini', 'win.ini'],
  ['/etc/cron.d/job', 'job'],
  ['..', '..'],
  ['a\0b.pdf', 'ab.pdf'],
  ['a\r\nSet-Cookie: x=1\r\n\r\n.pdf', 'aSet-Cookie: x=1.pdf'],
  ['a\n{"level":"error","msg":"forged"}.pdf', 'a{"level":"error","msg":"forged"}.pdf'],
  ['\u202Efdp.exe', 'fdp.exe'],
  ['\u2066x\u2069.pdf', 'x.pdf'],
  ['🦀 été.pdf', '🦀 été.pdf'],
  ['x'.repeat(10_240), 'x'.repeat(255)],
  ['"; filename="other.pdf', '"; filename="other.pdf'],
  ["'); DROP TABLE documents; --", "'); DROP TABLE documents; --"],
  ['%2e%2e%2f<script>alert(1)</script>', 'script>'],
  ['__proto__', '__proto__'],
];

/** Every file below the folder of originals, by its path there. */
async function files(): Promise<string[]> {
  const folder = api.environment.config().BLOB_DIR;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
}

test.each(names)('When a file is named %j, then that is text and nothing else', async (name, kept) => {
  const pdf = await textPdf([`The file named ${kept.slice(0, 100)}.`]);
  const { status, body, headers } = await api.client
    .post('/api/v1/documents')
    .query({ filename: name })
    .type('application/pdf')
    .send(pdf);
  expect([status, body.document?.filename]).toEqual([202, kept]);
  expect(headers.location).toBe(`/api/v1/documents/${body.document.id}`);
  expect(headers).not.toHaveProperty('set-cookie');
  const read = await api.client.get(`/api/v1/documents/${body.document.id}`);
  expect(read.body.filename).toBe(kept);
  // A filter finds it, or nothing; it never fails.
  expect((await api.client.get('/api/v1/documents').query({ filename: name.slice(0, 200) })).status).toBeLessThan(500);
  expect((await api.client.delete(`/api/v1/documents/${body.document.id}`)).status).toBe(204);
  const { actions } = (await api.client.get(`/api/v1/actions?document_id=${body.document.id}`)).body;
  expect(actions).toMatchObject([{ kind: 'delete', filename: kept }]);
});

test('When files had hostile names, then originals are named by ids alone, and each line of the log is one record', async () => {
  for (const [name] of names) {
    await api.client
      .post('/api/v1/documents')
      .query({ filename: name })
      .type('application/pdf')
      .send(await textPdf([`Kept: ${name.length}`]));
  }
  for (const path of await files()) {
    expect(path).toMatch(/^\/originals\/[0-9a-f]{2}\/[0-9a-f-]{36}$/);
  }
  await api.client.get('/the-end');
  await waitFor('the end of the log', async () => log.includes('/the-end') && log.endsWith('\n'));
  const records = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(records.filter(({ msg }) => msg === 'forged')).toEqual([]);
  expect(new Set(records.map(({ service }) => service))).toEqual(new Set(['test']));
});

test.each(names)('When an id in an address is %j, then it names no row', async (name) => {
  for (const path of ['documents', 'jobs', 'retries', 'collections']) {
    const { status, headers } = await api.client.get(`/api/v1/${path}/${encodeURIComponent(name.slice(0, 2_000))}`);
    expect([400, 404]).toContain(status);
    expect(headers).not.toHaveProperty('set-cookie');
  }
});
