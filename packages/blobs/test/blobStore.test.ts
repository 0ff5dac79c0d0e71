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

  test('When a staged blob is discarded, then no file remains', async () => {
    const staged = await blobs.stage(pieces('one'));
    await staged.discard();
    expect(await files()).toEqual([]);
  });

  test('When the stream fails, then its error is thrown, and no file remains', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from('some');
      throw new Error('The client went away.');
    }
    await expect(blobs.stage(failing())).rejects.toThrow('The client went away.');
    expect(await files()).toEqual([]);
  });

  test('When a blob is removed twice, then its sibling stays, and no error is thrown', async () => {
    await (await blobs.stage(pieces('a'))).keep('originals/x/a');
    await (await blobs.stage(pieces('b'))).keep('originals/x/b');
    await blobs.remove('originals/x/a');
    await blobs.remove('originals/x/a');
    expect(await files()).toEqual(['b']);
    await expect(blobs.localPath('originals/x/a')).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  });

  test.each(['../outside', '/etc/passwd', 'a/../../b', ''])('When the key is %j, then it is refused', async (key) => {
    await expect(blobs.localPath(key)).rejects.toThrow('is not a blob key');
  });

  test('When the directory cannot be written, then check and stage fail with STORAGE_UNAVAILABLE', async () => {
    // A file in place of the directory also stops root.
    await writeFile(join(directory, 'incoming'), '');
    await expect(blobs.check()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    await expect(blobs.stage(pieces('one'))).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });

  test('When the disk stores only a part of a piece, then stage fails with STORAGE_UNAVAILABLE, and no file remains', async () => {
    // A limit on file sizes (in KiB) makes the last write incomplete, as a full disk does.
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

  test('When uploads were interrupted, then their old files are removed, and newer ones stay', async () => {
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

  test('When originals are listed, then only the old ones of that folder are returned', async () => {
    const [old, young] = ['01900000-0000-7000-8000-0000000000ab', '01900000-0000-7000-8000-0000000001ab'];
    await (await blobs.stage(pieces('old'))).keep(originalKey(old));
    const long = new Date(Date.now() - 10_000);
    await utimes(join(directory, originalKey(old)), long, long);
    await (await blobs.stage(pieces('young'))).keep(originalKey(young));
    await writeFile(join(directory, 'originals/ab/notes.txt'), 'another file');
    await utimes(join(directory, 'originals/ab/notes.txt'), long, long);
    expect(await blobs.listOriginals(0xab, 5_000)).toEqual([originalKey(old)]);
    expect(await blobs.listOriginals(0xac, 5_000)).toEqual([]);
  });

  test('When the directory can be written, then the check leaves no file behind', async () => {
    await blobs.check();
    expect(await files()).toEqual([]);
  });
});
