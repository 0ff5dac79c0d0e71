import { closeSync, openSync, readSync } from 'node:fs';
import { decoderOf } from './decoder';
import { EncodingDetector } from './encodingDetector';

const pieceBytes = 64 * 1024;

/**
 * Returns the name of the encoding of a file, or null when the file is not text.
 * @param declared The name of the encoding that the upload declared, or null.
 * @throws the file system's error when the file cannot be read.
 */
export function detectEncoding(path: string, declared: string | null): string | null {
  const detector = new EncodingDetector(declared);
  for (const piece of bytesOf(path)) {
    if (!detector.add(piece)) {
      return null;
    }
  }
  return detector.end();
}

/** Decodes a file piece by piece. Leaves out byte order marks, which files that were put together have inside, too. */
export function* decodeFile(path: string, encoding: string): Generator<string> {
  const decoder = decoderOf(encoding, false);
  for (const piece of bytesOf(path)) {
    yield withoutMarks(decoder.decode(piece, { stream: true }));
  }
  yield withoutMarks(decoder.decode());
}

function withoutMarks(text: string): string {
  return text.includes('\uFEFF') ? text.replaceAll('\uFEFF', '') : text;
}

/** Reads a file in pieces of at most 64 KiB. Each piece overwrites the one before it. */
export function* bytesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) {
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}
