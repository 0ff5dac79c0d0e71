import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddingProvider } from '../src';
import {
  findRow,
  finishStaticTable,
  newStaticTable,
  readStaticTable,
  setWord,
  unknownRow,
} from '../src/static/staticTable';
import { ensureStaticTable } from '../src/static/staticTableBuilder';
import { featureHash } from '../src/static/wordHash';
import { sharedTable, staticConfig } from './sharedTable';

describe('The table of word vectors', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-table-'));
    file = join(folder, 'static-embedding.bin');
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function writeSmallTable(): Promise<void> {
    const table = newStaticTable(3, 2);
    for (const [row, word] of ['the', 'of', 'revenue'].entries()) {
      setWord(table, row, word);
    }
    table.vectors.set([1, 2, 3, 4, -5, 6]);
    await writeFile(file, finishStaticTable(table));
  }

  test('When a table is written and read, then every word of it is found in its row, and another word is not', async () => {
    await writeSmallTable();
    const table = await readStaticTable(file);
    const find = (word: string) => findRow(table, word, featureHash(word));
    expect(['the', 'of', 'revenue', 'income'].map(find)).toEqual([0, 1, 2, unknownRow]);
    expect([...table.vectors]).toEqual([1, 2, 3, 4, -5, 6]);
  });

  test('When the file is missing, then the error names the command that makes it', async () => {
    await expect(createEmbeddingProvider(staticConfig(file))).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringMatching(/does not exist.*npm run services -- up/),
    });
  });

  test.each([10, 64, 100])('When the file is truncated to %i bytes, then it is refused', async (size) => {
    await writeSmallTable();
    await truncate(file, size);
    await expect(createEmbeddingProvider(staticConfig(file))).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('truncated'),
    });
  });

  test('When one byte of the file has changed, then it is refused', async () => {
    await writeSmallTable();
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    await writeFile(file, bytes);
    await expect(createEmbeddingProvider(staticConfig(file))).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('checksum'),
    });
  });

  test('When the file is not a table, then it is refused', async () => {
    await writeFile(file, 'x'.repeat(1000));
    await expect(createEmbeddingProvider(staticConfig(file))).rejects.toMatchObject({ code: 'SETUP_INVALID' });
  });

  test('When another model or other dimensions are configured, then the provider is refused', async () => {
    const table = await sharedTable();
    await expect(createEmbeddingProvider(staticConfig(table, { model: 'other' }))).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('EMBEDDING_MODEL'),
    });
    await expect(createEmbeddingProvider(staticConfig(table, { dimensions: 384 }))).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('EMBEDDING_DIMENSIONS'),
    });
  });

  test('When the file holds a whole table, then it is kept', async () => {
    await copyFile(await sharedTable(), file);
    expect(await ensureStaticTable(file)).toBe(false);
  });

  test('When the table is truncated, then it is built again, and no other file is left', async () => {
    const whole = await readFile(await sharedTable());
    await writeFile(file, whole.subarray(0, 1_000_000));

    expect(await ensureStaticTable(file)).toBe(true);

    expect((await readFile(file)).equals(whole)).toBe(true);
    expect(await readdir(folder)).toEqual(['static-embedding.bin']);
  });

  test('When the folder cannot be made, then no file is left behind', async () => {
    await writeFile(join(folder, 'taken'), '');
    await expect(ensureStaticTable(join(folder, 'taken', 'static-embedding.bin'))).rejects.toThrow('EEXIST');
    expect(await readdir(folder)).toEqual(['taken']);
  });
});
