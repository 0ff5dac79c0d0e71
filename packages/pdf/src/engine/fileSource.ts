import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MillraceError } from '@millrace/contracts';
import type { Pdfium } from './pdfium';

const blockBytes = 64 * 1024;
const cachedBlocks = 64;
/** The engine's file offsets are 32 bits wide. */
const maxFileBytes = 2 ** 31 - 1;

/** Where the engine reads from. */
interface Source {
  readonly size: number;
  /** Why a read failed: the engine only learns that it did. */
  readonly error: unknown;
  /** Bytes handed to the engine. */
  readonly delivered: number;
  /** Copies `target.length` bytes from `position`; false when there are not so many. */
  read(position: number, target: Uint8Array): boolean;
  close(): void;
}

/** A file that is in memory. */
class BytesSource implements Source {
  readonly size: number;
  readonly error = null;
  delivered = 0;

  constructor(private bytes: Buffer) {
    this.size = bytes.length;
  }

  read(position: number, target: Uint8Array): boolean {
    const found = this.bytes.subarray(position, position + target.length);
    target.set(found);
    this.delivered += found.length;
    return found.length === target.length;
  }

  close(): void {
    this.bytes = Buffer.alloc(0);
  }
}

/**
 * A file the engine reads piece by piece, so that memory does not grow with the file. The engine asks for a few
 * hundred bytes at a time; a small cache of blocks turns that into few system calls.
 */
class FileSource implements Source {
  readonly size: number;
  error: unknown = null;
  delivered = 0;
  private readonly fd: number;
  private readonly fileSize: number;
  private readonly blocks = new Map<number, Buffer>();

  constructor(
    path: string,
    private readonly appendix: Buffer,
  ) {
    this.fd = openSync(path, 'r');
    this.fileSize = fstatSync(this.fd).size;
    this.size = this.fileSize + appendix.length;
  }

  read(position: number, target: Uint8Array): boolean {
    if (position < 0 || position + target.length > this.size) {
      return false;
    }
    try {
      let done = 0;
      while (done < target.length) {
        const at = position + done;
        const block = this.block(Math.floor(at / blockBytes));
        const offset = at % blockBytes;
        const piece = block.subarray(offset, Math.min(block.length, offset + target.length - done));
        if (piece.length === 0) {
          return false;
        }
        target.set(piece, done);
        done += piece.length;
      }
      this.delivered += done;
      return true;
    } catch (error) {
      this.error = error;
      return false;
    }
  }

  close(): void {
    this.blocks.clear();
    closeSync(this.fd);
  }

  private block(number: number): Buffer {
    const known = this.blocks.get(number);
    if (known !== undefined) {
      return known;
    }
    let block: Buffer = Buffer.allocUnsafe(blockBytes);
    if (this.blocks.size >= cachedBlocks) {
      const [oldest] = this.blocks;
      if (oldest !== undefined) {
        this.blocks.delete(oldest[0]);
        block = oldest[1].length === blockBytes ? oldest[1] : block;
      }
    }
    const start = number * blockBytes;
    let length = readSync(this.fd, block, 0, blockBytes, start);
    if (start + length >= this.fileSize) {
      length += this.appendix.copy(block, length, start + length - this.fileSize);
    }
    block = block.subarray(0, length);
    this.blocks.set(number, block);
    return block;
  }
}

interface Reader {
  callback: number;
  sources: Map<number, Source>;
  nextId: number;
}

/** The engine's table of callable functions only grows, so each instance gets one reader for all its files. */
const readers = new WeakMap<Pdfium, Reader>();

function readerOf(pdfium: Pdfium): Reader {
  const known = readers.get(pdfium);
  if (known !== undefined) {
    return known;
  }
  const sources = new Map<number, Source>();
  const callback = pdfium.addFunction((id = 0, position = 0, target = 0, size = 0) => {
    // The engine's unsigned numbers arrive signed.
    const start = target >>> 0;
    const found = sources.get(id)?.read(position >>> 0, pdfium.memory.u8.subarray(start, start + (size >>> 0)));
    return found === true ? 1 : 0;
  }, 'iiiii');
  const reader = { callback, sources, nextId: 1 };
  readers.set(pdfium, reader);
  return reader;
}

/** A file handed to the engine: `access` is the address of its FPDF_FILEACCESS. */
export interface FileAccess {
  readonly access: number;
  /** Bytes the engine has read so far. */
  readonly delivered: number;
  /** Throws the error of a failed read, if there was one: a bad disk is not a bad PDF. */
  check(): void;
  close(): void;
}

/**
 * Opens `path` for the engine to read through a callback.
 * @param appendix What the engine shall see after the file's own bytes.
 * @throws the file system's error when the file cannot be opened; MillraceError DOCUMENT_UNREADABLE beyond 2 GiB.
 */
export function openFileAccess(pdfium: Pdfium, path: string, appendix: Buffer = Buffer.alloc(0)): FileAccess {
  const source = new FileSource(path, appendix);
  if (source.size > maxFileBytes) {
    source.close();
    throw new MillraceError(
      'DOCUMENT_UNREADABLE',
      `The file holds ${source.size} bytes; the PDF engine reads up to 2 GiB.`,
    );
  }
  return accessTo(pdfium, source);
}

/** Lets the engine read a file that is in memory. */
export function openBytesAccess(pdfium: Pdfium, bytes: Buffer): FileAccess {
  return accessTo(pdfium, new BytesSource(bytes));
}

function accessTo(pdfium: Pdfium, source: Source): FileAccess {
  const reader = readerOf(pdfium);
  const id = reader.nextId++;
  reader.sources.set(id, source);
  const access = pdfium.fpdf.malloc(12);
  const { i32 } = pdfium.memory;
  i32[access / 4] = source.size;
  i32[access / 4 + 1] = reader.callback;
  i32[access / 4 + 2] = id;
  return {
    access,
    get delivered() {
      return source.delivered;
    },
    check() {
      if (source.error !== null) {
        throw source.error;
      }
    },
    close() {
      reader.sources.delete(id);
      pdfium.fpdf.free(access);
      source.close();
    },
  };
}
