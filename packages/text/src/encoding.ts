import { closeSync, openSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';

const pieceBytes = 64 * 1024;

const fallback = 'windows-1252';

/**
 * Finds out, piece by piece, whether bytes are text and how it is encoded: as its byte order mark says, else in the encoding
 * that was declared where that can be, else in UTF-8, else, if there are no control characters in it, in the single-byte
 * encoding that browsers take for Latin-1. UTF-8 goes before a declared Latin-1, which many programs say of any text. The
 * end may be cut off within a character.
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
    const possible = this.candidates?.filter((candidate) => candidate.possible) ?? [];
    const ranked = possible.map((candidate) => ({ encoding: candidate.encoding, rank: ends.indexOf(candidate.end()) }));
    // What is equal stays in the order in which the candidates are tried.
    return ranked.sort((one, other) => one.rank - other.rank)[0]?.encoding ?? null;
  }

  private begin(): Candidate[] {
    const marked = markedEncoding(this.head);
    if (marked !== null) {
      // After the mark of UTF-8, bad bytes do not make it anything else. That of UTF-16 may begin a picture, too.
      this.candidates = [new Candidate(marked, marked !== 'utf-8')];
      return this.candidates;
    }
    const declared = this.declared === fallback ? null : this.declared;
    const encodings = new Set([declared ?? 'utf-8', 'utf-8', fallback]);
    this.candidates = [...encodings].map((encoding) => new Candidate(encoding, true));
    return this.candidates;
  }

  private check(candidates: readonly Candidate[], piece: Buffer): boolean {
    return candidates.filter((candidate) => candidate.add(piece)).length > 0;
  }
}

/**
 * How well an encoding explains the bytes, the best first: to their end, all but an unfinished last character, as any
 * bytes, or all but a last byte that alone speaks for it.
 */
const ends = ['whole', 'cut', 'any', 'doubtful'] as const;
type End = (typeof ends)[number];

/** An encoding that bytes may be in, until they show that they are not. */
class Candidate {
  possible = true;
  private readonly decoder: TextDecoder | null;
  /** Bytes in excess of the characters that they stand for so far. */
  private excess = 0;

  /** @param strict whether bytes that are no characters in it rule it out. */
  constructor(
    readonly encoding: string,
    strict: boolean,
  ) {
    // In the fallback every byte is a character.
    this.decoder = encoding === fallback ? null : new TextDecoder(encoding, { fatal: strict });
  }

  add(piece: Buffer): boolean {
    this.possible &&= this.isPossible(piece);
    return this.possible;
  }

  /** Call it once, while the encoding is possible. */
  end(): End {
    if (this.decoder === null) {
      return 'any';
    }
    if (this.decode() !== null) {
      return 'whole';
    }
    // A single byte may as well be the only accent of a text in Latin-1.
    return this.excess > 1 ? 'cut' : 'doubtful';
  }

  private isPossible(piece: Buffer): boolean {
    const isUtf16 = this.encoding.startsWith('utf-16');
    if (!isUtf16 && (this.encoding === 'utf-8' ? piece.includes(0) : hasControlCharacter(piece))) {
      return false;
    }
    if (this.decoder === null) {
      return true;
    }
    const text = this.decode(piece);
    this.excess += piece.length - (text?.length ?? 0);
    return text !== null && !(isUtf16 && text.includes('\0'));
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
    const piece = Buffer.allocUnsafe(pieceBytes);
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) {
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}
