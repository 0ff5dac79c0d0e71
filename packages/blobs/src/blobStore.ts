import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { idSchema, MillraceError, newId } from '@millrace/contracts';
import { originalsFolder } from './keys';

/** A blob that is being received: nobody sees it until it is kept. */
export interface StagedBlob {
  /** Makes the blob durable under `key`. */
  keep(key: string): Promise<void>;
  /**
   * Has `make` write another version of the blob from one path to another, which then takes its place; where `make`
   * says false, or throws, the blob stays what it was.
   */
  rewrite(make: (from: string, to: string) => Promise<boolean>): Promise<void>;
  /** Removes what was received. Harmless after `keep`. */
  discard(): Promise<void>;
}

const storageFaults = new Set(['ENOTDIR', 'EEXIST', 'ENOSPC', 'EFBIG', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO']);

/** Originals on a local disk: one file per key below a directory that every service can see. */
export class BlobStore {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  /**
   * Writes a stream to a temporary file, chunk by chunk as it comes. When the stream or the disk fails, the file is
   * removed and the error thrown (STORAGE_UNAVAILABLE for the disk's own).
   */
  async stage(source: AsyncIterable<Buffer>): Promise<StagedBlob> {
    const temporary = join(this.directory, 'incoming', newId());
    try {
      await mkdir(dirname(temporary), { recursive: true });
      const file = await open(temporary, 'wx');
      try {
        for await (const chunk of source) {
          // Not write(), which may write a part of the chunk and call that a success.
          await file.appendFile(chunk);
        }
        // Accepted means durable: the bytes are on the disk before the row says so.
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      // Where even removing fails, what failed first says more.
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
      rewrite: async (make) => {
        const other = `${temporary}.other`;
        try {
          if (await make(temporary, other)) {
            await rename(other, temporary);
          }
        } finally {
          await rm(other, { force: true });
        }
      },
      discard: () => rm(temporary, { force: true }),
    };
  }

  /** The file that holds the blob. @throws MillraceError BLOB_MISSING */
  async localPath(key: string): Promise<string> {
    const path = this.pathOf(key);
    try {
      await access(path);
      return path;
    } catch (error) {
      throw new MillraceError('BLOB_MISSING', `The original ${key} is not in the blob store`, { cause: error });
    }
  }

  /** Removes the blob; one that is not there is fine. */
  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  /**
   * Removes what uploads that were cut short left in the staging area, where nothing has been written to it for
   * `idleMs`. @returns how many.
   */
  async removeAbandoned(idleMs: number): Promise<number> {
    const abandoned = await this.filesIn('incoming', idleMs);
    for (const name of abandoned) {
      await rm(join(this.directory, 'incoming', name), { force: true });
    }
    return abandoned.length;
  }

  /** The keys of the originals in one of the 256 folders that nothing has written to for `idleMs`. */
  async listOriginals(folder: number, idleMs: number): Promise<string[]> {
    const prefix = originalsFolder(folder);
    const names = await this.filesIn(prefix, idleMs);
    return names.filter((name) => idSchema.safeParse(name).success).map((name) => `${prefix}/${name}`);
  }

  private async filesIn(folder: string, idleMs: number): Promise<string[]> {
    const old: string[] = [];
    for (const name of await unlessGone(readdir(join(this.directory, folder)), [])) {
      const status = await unlessGone(stat(join(this.directory, folder, name)), null);
      if (status?.isFile() && status.mtimeMs < Date.now() - idleMs) {
        old.push(name);
      }
    }
    return old;
  }

  /** @throws MillraceError STORAGE_UNAVAILABLE when the directory cannot be written. */
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
      throw new Error(`not a blob key: ${key}`);
    }
    return join(this.directory, key);
  }
}

/** A rename is durable only once the directory that names the file is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What the file system answers, or `otherwise` where there is no such file or folder. */
async function unlessGone<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return otherwise;
    }
    throw error;
  }
}

function translateStorageError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return storageFaults.has(code)
    ? new MillraceError('STORAGE_UNAVAILABLE', `The blob store cannot take the file (${code})`, { cause: error })
    : error;
}
