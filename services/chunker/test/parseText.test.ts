import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testReading } from '@millrace/test-support';
import { parseText } from '../src/parseText';

const request = {
  mimeType: 'text/plain',
  pages: null,
  reading: testReading,
  ocr: { languages: [], maxPages: 0, pageTimeoutMs: 1000, totalMs: 0 },
};
const atPage = async () => undefined;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-text-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What is open after the text was read until the error came. */
async function openAfter(error: string, maxPages: number, send: () => Promise<void>): Promise<number> {
  const path = join(folder, 'file');
  // More than is read at once.
  writeFileSync(path, 'page\f'.repeat(50_000));
  await expect(parseText({ ...request, path, maxPages }, 'text/plain', { send, atPage })).rejects.toThrow(error);
  return readdirSync('/dev/fd').length;
}

describe('When a text is not read to its end', () => {
  test('as it has too many pages, then its file is closed', async () => {
    const open = readdirSync('/dev/fd').length;
    expect(await openAfter('3 pages', 3, async () => undefined)).toBe(open);
  });

  test('as its pages cannot be sent, then its file is closed', async () => {
    const open = readdirSync('/dev/fd').length;
    const fail = () => Promise.reject(new Error('The channel is closed.'));
    expect(await openAfter('The channel is closed.', 100_000, fail)).toBe(open);
  });
});
