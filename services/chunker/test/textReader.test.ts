import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testReading } from '@millrace/test-support';
import { textReader } from '../src/readers/textReader';

const run = {
  mimeType: 'text/plain',
  maxPages: 100_000,
  pages: null,
  reading: testReading,
  ocr: { languages: [], maxPages: 0, pageTimeoutMs: 1000, totalMs: 0 },
  lostPages: [],
  recognized: [],
  startedAt: 0,
};
let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-text-'));
  path = join(folder, 'file');
  // More than is read at once.
  writeFileSync(path, 'page\f'.repeat(50_000));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('When a text is closed before its last page, then its file is closed', async () => {
  const filesBefore = readdirSync('/dev/fd').length;
  const document = await textReader.open({ ...run, path }, async () => undefined);
  for await (const { outcome } of document.pages()) {
    if (outcome.page === 3) {
      expect(readdirSync('/dev/fd').length).toBe(filesBefore + 1);
      break;
    }
  }
  await document.close();
  expect(readdirSync('/dev/fd').length).toBe(filesBefore);
});

test('When a page of a text cannot be announced, then its file is closed with the document', async () => {
  const filesBefore = readdirSync('/dev/fd').length;
  const document = await textReader.open({ ...run, path }, () => Promise.reject(new Error('The channel is closed.')));
  await expect(document.pages()[Symbol.asyncIterator]().next()).rejects.toThrow('The channel is closed.');
  await document.close();
  expect(readdirSync('/dev/fd').length).toBe(filesBefore);
});
