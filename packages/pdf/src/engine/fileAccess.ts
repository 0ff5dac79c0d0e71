import { MillraceError } from '@millrace/contracts/errors';
import type { Pdfium } from './pdfium';
import { BytesSource, FileSource, type Source } from './sources';

/** The engine's file offsets are 32 bits wide. */
const maxFileBytes = 2 ** 31 - 1;

/** A file that the engine can read through a callback. */
export interface FileAccess {
  /** The address of its FPDF_FILEACCESS. */
  readonly access: number;
  readonly size: number;
  /** How many bytes have been read. */
  readonly delivered: number;
  /** Copies `target.length` bytes from `position` on. Returns false when there are fewer bytes. */
  read(position: number, target: Uint8Array): boolean;
  /** Adds bytes that the engine reads after the file's own. Call it while the engine has not opened the file. */
  append(bytes: Buffer): void;
  /** Throws the error of a failed read, if there was one: the disk is at fault, not the PDF. */
  check(): void;
  close(): void;
}

/**
 * Opens the file at `path` for the engine.
 * @param appendix Bytes that the engine reads after the file's own bytes.
 * @throws the file system's error when the file cannot be opened; MillraceError DOCUMENT_UNREADABLE beyond 2 GiB.
 */
export function openFileAccess(pdfium: Pdfium, path: string, appendix: Buffer = Buffer.alloc(0)): FileAccess {
  const source = new FileSource(path, appendix);
  if (source.size > maxFileBytes) {
    source.close();
    throw new MillraceError(
      'DOCUMENT_UNREADABLE',
      `The file has ${source.size} bytes. The PDF engine reads up to 2 GiB.`,
    );
  }
  return accessTo(pdfium, source);
}

/** Opens a file in memory for the engine. */
export function openBytesAccess(pdfium: Pdfium, bytes: Buffer): FileAccess {
  return accessTo(pdfium, new BytesSource(bytes));
}

/** The callback by which one instance of the engine reads all of its files. */
interface Reader {
  callback: number;
  sources: Map<number, Source>;
  nextId: number;
}

/** Each instance has one reader, because the engine's table of callable functions never shrinks. */
const readers = new WeakMap<Pdfium, Reader>();

function readerOf(pdfium: Pdfium): Reader {
  const known = readers.get(pdfium);
  if (known !== undefined) {
    return known;
  }
  const sources = new Map<number, Source>();
  const callback = pdfium.addFunction((id = 0, position = 0, target = 0, size = 0) => {
    // The engine's unsigned numbers arrive as signed ones.
    const start = target >>> 0;
    const found = sources.get(id)?.read(position >>> 0, pdfium.memory.u8.subarray(start, start + (size >>> 0)));
    return found === true ? 1 : 0;
  }, 'iiiii');
  const reader = { callback, sources, nextId: 1 };
  readers.set(pdfium, reader);
  return reader;
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
    get size() {
      return source.size;
    },
    get delivered() {
      return source.delivered;
    },
    read: (position, target) => source.read(position, target),
    append(bytes) {
      source.append(bytes);
      pdfium.memory.i32[access / 4] = source.size;
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
