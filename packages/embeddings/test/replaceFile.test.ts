import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '../src/static/replaceFile';

describe('The replacement of a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-replace-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('When several writers replace a file at the same time, then readers always find one whole content', async () => {
    const file = join(folder, 'file.bin');
    const content = (value: number) => Buffer.alloc(1_000_000, value);
    await replaceFile(file, content(0));
    let writing = true;
    const seen = new Set<string>();
    const read = async () => {
      while (writing) {
        const bytes = await readFile(file);
        seen.add(`${bytes.length} bytes, whole: ${bytes.equals(content(bytes[0] ?? 0))}`);
      }
    };
    const reading = read();
    await Promise.all(Array.from({ length: 20 }, (_, i) => replaceFile(file, content(i + 1))));
    writing = false;
    await reading;
    expect([...seen]).toEqual(['1000000 bytes, whole: true']);
    expect(await readdir(folder)).toEqual(['file.bin']);
  });

  test('When the target cannot be replaced, then no file is left behind', async () => {
    await mkdir(join(folder, 'taken'));
    await expect(replaceFile(join(folder, 'taken'), Buffer.from('x'))).rejects.toThrow('EISDIR');
    expect(await readdir(folder)).toEqual(['taken']);
  });
});
