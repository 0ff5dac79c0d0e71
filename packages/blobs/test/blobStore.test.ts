import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BlobStore, originalKey } from '../src';

let directory: string;
let blobs: BlobStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-blobs-'));
  blobs = new BlobStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function* pieces(...parts: string[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    yield Buffer.from(part);
  }
}

async function files(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('The blob store', () => {
  test('When a stream is staged and kept, then it can be read under its key', async () => {
    const staged = await blobs.stage(pieces('one ', 'two ', 'three'));
    await staged.keep('originals/ab/one');
    expect(await readFile(await blobs.localPath('originals/ab/one'), 'utf8')).toBe('one two three');
    await staged.discard();
    expect(await files()).toEqual(['one']);
  });

  test('When what is staged is discarded, then nothing stays', async () => {
    const staged = await blobs.stage(pieces('one'));
    await staged.discard();
    expect(await files()).toEqual([]);
  });

  test('When the stream fails, then nothing stays and its error is thrown', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from('some');
      throw new Error('the client went away');
    }
    await expect(blobs.stage(failing())).rejects.toThrow('the client went away');
    expect(await files()).toEqual([]);
  });

  test('When one blob is removed, then its sibling stays, and removing it again is fine', async () => {
    await (await blobs.stage(pieces('a'))).keep('originals/x/a');
    await (await blobs.stage(pieces('b'))).keep('originals/x/b');
    await blobs.remove('originals/x/a');
    await blobs.remove('originals/x/a');
    expect(await files()).toEqual(['b']);
    await expect(blobs.localPath('originals/x/a')).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });

  test.each(['../outside', '/etc/passwd', 'a/../../b', ''])('When the key is %j, then it is refused', async (key) => {
    await expect(blobs.localPath(key)).rejects.toThrow('not a blob key');
  });

  test('When the store cannot be written, then STORAGE_UNAVAILABLE', async () => {
    // Where a directory should be stands a file, which stops root as well.
    await writeFile(join(directory, 'incoming'), '');
    await expect(blobs.check()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    await expect(blobs.stage(pieces('one'))).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });

  test('When the disk takes only a part of a piece, then STORAGE_UNAVAILABLE and nothing stays', async () => {
    // A limit on file sizes (in KiB) makes the last write a short one, as a disk that fills up does.
    const program = `
      const { BlobStore } = require(${JSON.stringify(join(__dirname, '..', 'dist', 'index.js'))});
      async function* source() { yield Buffer.alloc(60_000); yield Buffer.alloc(60_000); }
      new BlobStore(${JSON.stringify(directory)}).stage(source()).then(
        () => console.log('kept'),
        (error) => console.log(error.code),
      );`;
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      'ulimit -f 100; exec "$0" -e "$1"',
      process.execPath,
      program,
    ]);
    expect(stdout.trim()).toBe('STORAGE_UNAVAILABLE');
    expect(await files()).toEqual([]);
  });

  test('When uploads were cut short by a crash, then what they left goes once it is old, and younger ones stay', async () => {
    const old = await blobs.stage(pieces('old'));
    const [abandoned = ''] = await files();
    const long = new Date(Date.now() - 10_000);
    await utimes(join(directory, 'incoming', abandoned), long, long);
    const young = await blobs.stage(pieces('young'));
    expect(await blobs.removeAbandoned(5_000)).toBe(1);
    expect(await files()).toHaveLength(1);
    await young.keep('originals/x/young');
    await expect(old.keep('originals/x/old')).rejects.toThrow('ENOENT');
  });

  test('When originals are listed, then those of the folder that are old enough come, and nothing else', async () => {
    const [old, young] = ['01900000-0000-7000-8000-0000000000ab', '01900000-0000-7000-8000-0000000001ab'];
    await (await blobs.stage(pieces('old'))).keep(originalKey(old));
    const long = new Date(Date.now() - 10_000);
    await utimes(join(directory, originalKey(old)), long, long);
    await (await blobs.stage(pieces('young'))).keep(originalKey(young));
    await writeFile(join(directory, 'originals/ab/notes.txt'), 'not ours');
    await utimes(join(directory, 'originals/ab/notes.txt'), long, long);
    expect(await blobs.listOriginals(0xab, 5_000)).toEqual([originalKey(old)]);
    expect(await blobs.listOriginals(0xac, 5_000)).toEqual([]);
  });

  test('When the store is well, then the check leaves nothing behind', async () => {
    await blobs.check();
    expect(await files()).toEqual([]);
  });
});
