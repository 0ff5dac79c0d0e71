import { closeSync, openSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';

const PIECE_BYTES = 64 * 1024;

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/**
 * Finds out, piece by piece, whether bytes are text and how it is encoded: UTF-16 with a byte order mark, or UTF-8, or
 * else, if there are no control characters in it, the single-byte encoding that browsers take for Latin-1.
 */
export class EncodingDetector {
  private decoder: TextDecoder | null = null;
  private encoding: Encoding = 'utf-8';
  private head: Buffer = Buffer.alloc(0);
  private nul = false;
  private control = false;

  /** @returns false when the bytes are no text, whatever follows. */
  add(piece: Buffer): boolean {
    if (this.decoder !== null || this.encoding === 'windows-1252') {
      return this.check(piece);
    }
    // The byte order mark may come in pieces.
    this.head = Buffer.concat([this.head, piece]);
    return this.head.length < 2 || this.begin();
  }

  /** The encoding, or null when the bytes are no text. */
  end(): Encoding | null {
    if (this.decoder === null && this.encoding === 'utf-8') {
      this.begin();
    }
    try {
      this.decoder?.decode();
    } catch {
      this.notDecodable();
    }
    return this.isText() ? this.encoding : null;
  }

  private begin(): boolean {
    const [first, second] = this.head;
    if (first === 0xff && second === 0xfe) {
      this.encoding = 'utf-16le';
    } else if (first === 0xfe && second === 0xff) {
      this.encoding = 'utf-16be';
    }
    this.decoder = new TextDecoder(this.encoding, { fatal: true });
    return this.check(this.head);
  }

  private check(piece: Buffer): boolean {
    const wide = this.encoding === 'utf-16le' || this.encoding === 'utf-16be';
    if (!wide) {
      this.nul ||= piece.includes(0);
      this.control ||= hasControlCharacter(piece);
    }
    if (this.decoder !== null) {
      try {
        const text = this.decoder.decode(piece, { stream: true });
        this.nul ||= wide && text.includes('\0');
      } catch {
        this.notDecodable();
      }
    }
    return this.isText();
  }

  private notDecodable(): void {
    this.decoder = null;
    // After a byte order mark it can be nothing else.
    this.nul ||= this.encoding !== 'utf-8';
    this.encoding = 'windows-1252';
  }

  private isText(): boolean {
    return !this.nul && !(this.encoding === 'windows-1252' && this.control);
  }
}

/** True for a byte below 32 that is none of tab, line feed, form feed, carriage return and escape. */
function hasControlCharacter(bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) {
      return true;
    }
  }
  return false;
}

/** The encoding of a file, or null when it is no text. @throws the file system's error when it cannot be read. */
export function detectEncoding(path: string): Encoding | null {
  const detector = new EncodingDetector();
  for (const piece of bytesOf(path)) {
    if (!detector.add(piece)) {
      return null;
    }
  }
  return detector.end();
}

/** A file's text, piece by piece, without a byte order mark. */
export function* decodeFile(path: string, encoding: string): Generator<string> {
  const decoder = new TextDecoder(encoding);
  for (const piece of bytesOf(path)) {
    yield decoder.decode(piece, { stream: true });
  }
  yield decoder.decode();
}

/** Each piece is overwritten by the next one. */
function* bytesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) {
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}
