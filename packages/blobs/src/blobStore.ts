import { constants } from 'node:fs';
import { access, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { idSchema, MillraceError, newId } from '@millrace/contracts';
import { originalsFolder } from './keys';

/** A blob that was received and has no key yet, so no reader can find it. */
export interface StagedBlob {
  /** Gives the blob its key and makes it durable. @throws MillraceError STORAGE_UNAVAILABLE */
  keep(key: string): Promise<void>;
  /**
   * Replaces the content of the blob. `write` reads one local file and writes the other. When it returns false or throws, the
   * content stays.
   */
  rewrite(write: (from: string, to: string) => Promise<boolean>): Promise<void>;
  /** Removes the blob. Does nothing after `keep`. */
  discard(): Promise<void>;
}

/** The codes of file system errors that are the fault of the disk or its set-up. */
const storageFaults = new Set(['ENOTDIR', 'EEXIST', 'ENOSPC', 'EFBIG', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO']);

/**
 * Keeps originals on a local disk, as one file per key in a directory that all services see. Callers know keys and never
 * file names. `localPath` and `rewrite` give them files, because the reader of a PDF needs random access.
 */
export class BlobStore {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  /**
   * Writes a stream to a temporary file. Removes the file and throws the error when the stream or the disk fails.
   * @throws MillraceError STORAGE_UNAVAILABLE when the disk fails.
   */
  async stage(source: AsyncIterable<Buffer>): Promise<StagedBlob> {
    const temporary = join(this.directory, 'incoming', newId());
    try {
      await mkdir(dirname(temporary), { recursive: true });
      const file = await open(temporary, 'wx');
      try {
        for await (const chunk of source) {
          // write() may write only a part of the chunk and report success. appendFile() writes all of it.
          await file.appendFile(chunk);
        }
        // The bytes are on the disk before a row says that the document is accepted.
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      // When the removal fails as well, the first error says more.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw translateStorageError(error);
    }
    return {
      keep: async (key) => {
        const target = this.pathOf(key);
        try {
          await mkdir(dirname(target), { recursive: true });
          await rename(temporary, target);
          await syncDirectory(dirname(target));
        } catch (error) {
          throw translateStorageError(error);
        }
      },
      rewrite: async (write) => {
        const other = `${temporary}.other`;
        try {
          if (await write(temporary, other)) {
            await rename(other, temporary);
          }
        } finally {
          await rm(other, { force: true });
        }
      },
      discard: () => rm(temporary, { force: true }),
    };
  }

  /**
   * Copies a blob to another key. The copy has the time of the copying. So the sweep for orphans leaves it alone until a row
   * names it. Both share their blocks on the disk where the file system can do that.
   * @throws MillraceError BLOB_MISSING or STORAGE_UNAVAILABLE
   */
  async copy(from: string, to: string): Promise<void> {
    const source = await this.localPath(from);
    const temporary = join(this.directory, 'incoming', newId());
    try {
      await mkdir(dirname(temporary), { recursive: true });
      await copyFile(source, temporary, constants.COPYFILE_FICLONE);
      const file = await open(temporary, 'r+');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await mkdir(dirname(this.pathOf(to)), { recursive: true });
      await rename(temporary, this.pathOf(to));
      await syncDirectory(dirname(this.pathOf(to)));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw translateStorageError(error);
    }
  }

  /** Returns a local file with the content of the blob. @throws MillraceError BLOB_MISSING */
  async localPath(key: string): Promise<string> {
    const path = this.pathOf(key);
    try {
      await access(path);
      return path;
    } catch (error) {
      throw new MillraceError('BLOB_MISSING', `The original ${key} is not in the blob store.`, { cause: error });
    }
  }

  /** Removes the blob if it exists. */
  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  /**
   * Removes the temporary files of interrupted uploads: those that were last written more than `idleMs` ago.
   * @returns the number of removed files
   */
  async removeAbandoned(idleMs: number): Promise<number> {
    const abandoned = await this.idleFiles('incoming', idleMs);
    for (const name of abandoned) {
      await rm(join(this.directory, 'incoming', name), { force: true });
    }
    return abandoned.length;
  }

  /** Returns the keys of the originals in one of the 256 folders that were last written more than `idleMs` ago. */
  async listOriginals(folder: number, idleMs: number): Promise<string[]> {
    const prefix = originalsFolder(folder);
    const names = await this.idleFiles(prefix, idleMs);
    return names.filter((name) => idSchema.safeParse(name).success).map((name) => `${prefix}/${name}`);
  }

  /** Returns the names of the files in a folder that were last written more than `idleMs` ago. */
  private async idleFiles(folder: string, idleMs: number): Promise<string[]> {
    const idle: string[] = [];
    for (const name of await unlessMissing(readdir(join(this.directory, folder)), [])) {
      const status = await unlessMissing(stat(join(this.directory, folder, name)), null);
      if (status?.isFile() && status.mtimeMs < Date.now() - idleMs) {
        idle.push(name);
      }
    }
    return idle;
  }

  /** Writes and removes a probe file. @throws MillraceError STORAGE_UNAVAILABLE when that fails. */
  async check(): Promise<void> {
    const probe = join(this.directory, 'incoming', `.probe-${newId()}`);
    try {
      await mkdir(dirname(probe), { recursive: true });
      const file = await open(probe, 'wx');
      await file.close();
      await rm(probe);
    } catch (error) {
      throw translateStorageError(error);
    }
  }

  private pathOf(key: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(key) || key.includes('..')) {
      throw new Error(`"${key}" is not a blob key.`);
    }
    return join(this.directory, key);
  }
}

/** Makes the names of files in a directory durable, which a rename alone does not. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Returns what the file system answers, or `fallback` when the file or folder does not exist. */
async function unlessMissing<T>(answer: Promise<T>, fallback: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return fallback;
    }
    throw error;
  }
}

function translateStorageError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return storageFaults.has(code)
    ? new MillraceError('STORAGE_UNAVAILABLE', `The blob store cannot store the file (${code}).`, { cause: error })
    : error;
}
