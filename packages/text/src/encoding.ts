import { closeSync, openSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';

const PIECE_BYTES = 64 * 1024;

const FALLBACK = 'windows-1252';

/**
 * Finds out, piece by piece, whether bytes are text and how it is encoded: as its byte order mark says, else in the encoding
 * that was declared where that can be, else in UTF-8, else, if there are no control characters in it, in the single-byte
 * encoding that browsers take for Latin-1. UTF-8 goes before a declared Latin-1, which many programs say of any text.
 */
export class EncodingDetector {
  private candidates: Candidate[] | null = null;
  private head: Buffer = Buffer.alloc(0);

  /** @param declared the name of an encoding, as `encodingOf` gives it. */
  constructor(private readonly declared: string | null = null) {}

  /** @returns false when the bytes are no text, whatever follows. */
  add(piece: Buffer): boolean {
    if (this.candidates !== null) {
      return this.check(this.candidates, piece);
    }
    // The byte order mark may come in pieces.
    this.head = Buffer.concat([this.head, piece]);
    return this.head.length < 3 || this.check(this.begin(), this.head);
  }

  /** The encoding's name, or null when the bytes are no text. */
  end(): string | null {
    if (this.candidates === null) {
      this.check(this.begin(), this.head);
    }
    return this.candidates?.find((candidate) => candidate.end())?.encoding ?? null;
  }

  private begin(): Candidate[] {
    const marked = markedEncoding(this.head);
    const declared = marked ?? (this.declared === FALLBACK ? null : this.declared);
    // After a mark of UTF-16 it can be nothing else.
    const encodings = marked?.startsWith('utf-16') ? [marked] : [declared ?? 'utf-8', 'utf-8', FALLBACK];
    this.candidates = [...new Set(encodings)].map((encoding) => new Candidate(encoding));
    return this.candidates;
  }

  private check(candidates: readonly Candidate[], piece: Buffer): boolean {
    return candidates.filter((candidate) => candidate.add(piece)).length > 0;
  }
}

/** An encoding that bytes may be in, until they show that they are not. */
class Candidate {
  private readonly decoder: TextDecoder | null;
  private possible = true;

  constructor(readonly encoding: string) {
    // In the fallback every byte is a character.
    this.decoder = encoding === FALLBACK ? null : new TextDecoder(encoding, { fatal: true });
  }

  add(piece: Buffer): boolean {
    this.possible &&= this.isPossible(piece);
    return this.possible;
  }

  end(): boolean {
    this.possible &&= this.decode() !== null;
    return this.possible;
  }

  private isPossible(piece: Buffer): boolean {
    if (this.encoding.startsWith('utf-16')) {
      return this.decode(piece)?.includes('\0') === false;
    }
    const isBinary = this.encoding === 'utf-8' ? piece.includes(0) : hasControlCharacter(piece);
    return !isBinary && this.decode(piece) !== null;
  }

  /** The next piece's text, or at the end nothing; null when it is none. */
  private decode(piece?: Buffer): string | null {
    try {
      return this.decoder?.decode(piece, { stream: piece !== undefined }) ?? '';
    } catch {
      return null;
    }
  }
}

function markedEncoding([first, second, third]: Buffer): string | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    return 'utf-8';
  }
  if (first === 0xff && second === 0xfe) {
    return 'utf-16le';
  }
  return first === 0xfe && second === 0xff ? 'utf-16be' : null;
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

/**
 * The encoding of a file, or null when it is no text.
 * @param declared see EncodingDetector.
 * @throws the file system's error when it cannot be read.
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
