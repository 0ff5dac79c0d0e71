import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { errorCodeOf } from '../errorCode';
import { checkHash, featureHash } from './wordHash';

/**
 * The word vectors as one binary file, which is read at once and used in place.
 *
 * Header, 64 bytes:
 * - magic, 8 bytes
 * - byte order mark, version, words, dimensions, slots: uint32 each
 * - 4 unused bytes
 * - SHA-256 of the body, 32 bytes
 *
 * Body, one array after the other. Each has one entry per word, except slots and vectors. Row n is the n-th most
 * frequent word.
 * - slots: uint32, a hash table with open addressing by feature hash. An entry is row + 1, or 0 when it is empty.
 * - feature hash, check hash, hash of the stem, best rank of any word with that stem: uint32 each
 * - scale: float32
 * - vectors: int8, words x dimensions. A vector is its bytes times its scale.
 *
 * Numbers have the machine's byte order. The mark reveals a file from a machine with the other order.
 */
const magic = 'MILLRACE';
const byteOrderMark = 0x01020304;
/** Raise it when the format, the words or their stems change. Files of another version are then built again. */
const version = 1;
const headerBytes = 64;
const digestOffset = 32;

/** The row of a word that the table does not hold. */
export const unknownRow = -1;

interface TableArrays {
  slots: Uint32Array;
  featureHashes: Uint32Array;
  checkHashes: Uint32Array;
  stemHashes: Uint32Array;
  stemRanks: Uint32Array;
  scales: Float32Array;
  /** words x dimensions, one row after the other. */
  vectors: Int8Array;
}

/** A table in memory. It takes about 48 MB outside the JavaScript heap. */
export interface StaticTable extends TableArrays {
  words: number;
  dimensions: number;
  buffer: ArrayBuffer;
}

/** Says why a table file cannot be used. */
export class StaticTableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StaticTableError';
  }
}

function fileSize(words: number, dimensions: number, slots: number): number {
  return headerBytes + 4 * slots + words * (5 * 4 + dimensions);
}

function tableOver(buffer: ArrayBuffer, words: number, dimensions: number, slots: number): StaticTable {
  let offset = headerBytes;
  const reserve = (bytes: number) => {
    const start = offset;
    offset += bytes;
    return start;
  };
  return {
    words,
    dimensions,
    buffer,
    slots: new Uint32Array(buffer, reserve(4 * slots), slots),
    featureHashes: new Uint32Array(buffer, reserve(4 * words), words),
    checkHashes: new Uint32Array(buffer, reserve(4 * words), words),
    stemHashes: new Uint32Array(buffer, reserve(4 * words), words),
    stemRanks: new Uint32Array(buffer, reserve(4 * words), words),
    scales: new Float32Array(buffer, reserve(4 * words), words),
    vectors: new Int8Array(buffer, reserve(words * dimensions), words * dimensions),
  };
}

/** Returns an empty table. Fill it with `setWord` and through its arrays, then call `finishStaticTable`. */
export function newStaticTable(words: number, dimensions: number): StaticTable {
  // The hash table is at most half full, so that a look-up takes one or two probes.
  const slots = 2 ** Math.ceil(Math.log2(words * 2));
  return tableOver(new ArrayBuffer(fileSize(words, dimensions, slots)), words, dimensions, slots);
}

/** Enters `word` in row `row`. */
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

/** Returns the row of a word whose feature hash is `hash`, or `unknownRow`. */
export function findRow(table: StaticTable, word: string, hash: number): number {
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

/** Writes the header with the checksum, and returns the bytes of the whole file. */
export function finishStaticTable(table: StaticTable): Uint8Array {
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
 * Reads a table file and checks its checksum, in about 50 ms for 48 MB.
 * @throws StaticTableError when the file does not exist, or is not a whole table of this version.
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
  if (buffer.byteLength !== fileSize(words, dimensions, slots)) {
    throw new StaticTableError(`${path} is truncated.`);
  }
  if (!bodyDigest(file).equals(file.subarray(digestOffset, headerBytes))) {
    throw new StaticTableError(`${path} is damaged: its checksum does not match.`);
  }
  return tableOver(buffer, words, dimensions, slots);
}

async function readWhole(path: string): Promise<ArrayBuffer> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    const problem = errorCodeOf(error) === 'ENOENT' ? 'does not exist' : 'cannot be opened';
    throw new StaticTableError(`${path} ${problem}.`, { cause: error });
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
