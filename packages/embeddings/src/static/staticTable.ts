import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { errorCodeOf } from '../errorCode';
import { checkHash, featureHash } from './wordHash';

/**
 * The word vectors as one binary file that is read in one go and used in place.
 *
 * Header, 64 bytes: magic (8), byte order mark, version, words, dimensions, slots (each uint32), 4 bytes of nothing,
 * SHA-256 of the body (32). Body, arrays one after the other, `words` entries each unless said otherwise:
 * slots (uint32, `slots` entries: row + 1, 0 for empty; open addressing by feature hash), feature hash, check hash,
 * hash of the stem, best rank of any word with that stem (uint32 each), scale (float32), and the vectors (int8,
 * `words` x `dimensions`; a vector is its bytes times its scale). Row n is the n-th most frequent word.
 * Numbers are in the machine's byte order; the mark tells when a file came from a machine with the other one.
 */
const magic = 'MILLRACE';
const byteOrderMark = 0x01020304;
/** Raise it when the format, the words or their stems change: files of another version are built anew. */
const version = 1;
const headerBytes = 64;
const digestOffset = 32;

/** No such word in the table. */
export const unknownRow = -1;

interface TableArrays {
  slots: Uint32Array;
  featureHashes: Uint32Array;
  checkHashes: Uint32Array;
  stemHashes: Uint32Array;
  stemRanks: Uint32Array;
  scales: Float32Array;
  /** words x dimensions, row after row. */
  vectors: Int8Array;
}

/** A table in memory: about 48 MB outside the JavaScript heap. */
export interface StaticTable extends TableArrays {
  words: number;
  dimensions: number;
  buffer: ArrayBuffer;
}

/** Why a table file cannot be used; `missing` when there is none. */
export class StaticTableError extends Error {
  readonly missing: boolean;

  constructor(message: string, options: { missing?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StaticTableError';
    this.missing = options.missing ?? false;
  }
}

function bytesFor(words: number, dimensions: number, slots: number): number {
  return headerBytes + 4 * slots + words * (5 * 4 + dimensions);
}

function viewsOf(buffer: ArrayBuffer, words: number, dimensions: number, slots: number): StaticTable {
  let offset = headerBytes;
  const next = (bytes: number) => {
    const start = offset;
    offset += bytes;
    return start;
  };
  return {
    words,
    dimensions,
    buffer,
    slots: new Uint32Array(buffer, next(4 * slots), slots),
    featureHashes: new Uint32Array(buffer, next(4 * words), words),
    checkHashes: new Uint32Array(buffer, next(4 * words), words),
    stemHashes: new Uint32Array(buffer, next(4 * words), words),
    stemRanks: new Uint32Array(buffer, next(4 * words), words),
    scales: new Float32Array(buffer, next(4 * words), words),
    vectors: new Int8Array(buffer, next(words * dimensions), words * dimensions),
  };
}

/** An empty table for `words` words; fill rows with `setWord` and the arrays, then `sealStaticTable`. */
export function newStaticTable(words: number, dimensions: number): StaticTable {
  // At most half full, so that a look-up ends after one or two probes.
  const slots = 2 ** Math.ceil(Math.log2(words * 2));
  return viewsOf(new ArrayBuffer(bytesFor(words, dimensions, slots)), words, dimensions, slots);
}

/** Makes row `row` the row of `word`. */
export function setWord(table: StaticTable, row: number, word: string): void {
  const hash = featureHash(word);
  table.featureHashes[row] = hash;
  table.checkHashes[row] = checkHash(word);
  const mask = table.slots.length - 1;
  let slot = hash & mask;
  while (table.slots[slot] !== 0) {
    slot = (slot + 1) & mask;
  }
  table.slots[slot] = row + 1;
}

/** The row of a word whose feature hash is `hash`, or `unknownRow`. Two 32-bit hashes stand for the word itself. */
export function rowOf(table: StaticTable, word: string, hash: number): number {
  const { slots, featureHashes, checkHashes } = table;
  const mask = slots.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const row = (slots[slot] ?? 0) - 1;
    if (row < 0) {
      return unknownRow;
    }
    if (featureHashes[row] === hash && checkHashes[row] === checkHash(word)) {
      return row;
    }
  }
}

/** Writes the header, checksum included, and returns the whole file's bytes. */
export function sealStaticTable(table: StaticTable): Uint8Array {
  const file = Buffer.from(table.buffer);
  file.write(magic, 0, 'latin1');
  const fields = [byteOrderMark, version, table.words, table.dimensions, table.slots.length];
  new Uint32Array(table.buffer, magic.length, fields.length).set(fields);
  bodyDigest(file).copy(file, digestOffset);
  return file;
}

function bodyDigest(file: Buffer): Buffer {
  return createHash('sha256').update(file.subarray(headerBytes)).digest();
}

/**
 * Reads a table file and checks it whole (some 50 ms for 48 MB).
 * @throws StaticTableError when there is no such file, or it is not a whole table of this version.
 */
export async function readStaticTable(path: string): Promise<StaticTable> {
  const buffer = await readWhole(path);
  if (buffer.byteLength < headerBytes) {
    throw new StaticTableError(`${path} is truncated.`);
  }
  const file = Buffer.from(buffer);
  const [mark, fileVersion, words = 0, dimensions = 0, slots = 0] = new Uint32Array(buffer, magic.length, 5);
  if (file.toString('latin1', 0, magic.length) !== magic || mark !== byteOrderMark || fileVersion !== version) {
    throw new StaticTableError(`${path} is not a table of word vectors of this version.`);
  }
  if (buffer.byteLength !== bytesFor(words, dimensions, slots)) {
    throw new StaticTableError(`${path} is truncated.`);
  }
  if (!bodyDigest(file).equals(file.subarray(digestOffset, headerBytes))) {
    throw new StaticTableError(`${path} is damaged: its checksum does not match.`);
  }
  return viewsOf(buffer, words, dimensions, slots);
}

async function readWhole(path: string): Promise<ArrayBuffer> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    const missing = errorCodeOf(error) === 'ENOENT';
    throw new StaticTableError(missing ? `${path} does not exist.` : `${path} cannot be opened.`, {
      missing,
      cause: error,
    });
  }
  try {
    const { size } = await handle.stat();
    const buffer = new ArrayBuffer(size);
    const bytes = new Uint8Array(buffer);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
      if (bytesRead === 0) {
        throw new StaticTableError(`${path} is truncated.`);
      }
      filled += bytesRead;
    }
    return buffer;
  } finally {
    await handle.close();
  }
}
