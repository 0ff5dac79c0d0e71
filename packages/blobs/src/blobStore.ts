import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MillraceError, newId } from '@millrace/contracts';

/** A blob that is being received: nobody sees it until it is kept. */
export interface StagedBlob {
  /** Makes the blob durable under `key`. */
  keep(key: string): Promise<void>;
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

  /** Removes what uploads that were cut short by a crash left in the staging area longer ago than `olderThanMs`. */
  async removeAbandoned(olderThanMs: number): Promise<void> {
    const incoming = join(this.directory, 'incoming');
    await mkdir(incoming, { recursive: true });
    for (const name of await readdir(incoming)) {
      const file = join(incoming, name);
      const { mtimeMs } = await stat(file);
      if (mtimeMs < Date.now() - olderThanMs) {
        await rm(file, { force: true });
      }
    }
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

function translateStorageError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return storageFaults.has(code)
    ? new MillraceError('STORAGE_UNAVAILABLE', `The blob store cannot take the file (${code})`, { cause: error })
    : error;
}
