import { type Decoder, decoderOf } from './decoder';

/** The encoding that browsers use for Latin-1. In it, every byte is a character. */
export const fallbackEncoding = 'windows-1252';

/**
 * How well an encoding fits the bytes, the best first:
 * - `whole`: all bytes are characters.
 * - `cut`: all bytes are characters, but the last character is incomplete.
 * - `any`: the encoding accepts any bytes.
 * - `doubtful`: as `cut`, but the incomplete character is one byte, and no other character took several bytes.
 */
export const fits = ['whole', 'cut', 'any', 'doubtful'] as const;
export type Fit = (typeof fits)[number];

/** Encodings in which a NUL byte is part of a character. */
const wide = /^utf-(?:16|32)/;

/** An encoding that the bytes may have. It is possible until a piece of them contradicts it. */
export class Candidate {
  isPossible = true;
  private readonly decoder: Decoder | null;
  /** The number of bytes minus the number of characters. It counts the bytes of an incomplete last character too. */
  private excess = 0;

  /** @param strict Whether bytes that are not characters of the encoding rule it out. */
  constructor(
    readonly encoding: string,
    strict: boolean,
  ) {
    this.decoder = encoding === fallbackEncoding ? null : decoderOf(encoding, strict);
  }

  /** Checks the next bytes. Returns whether the encoding is still possible. */
  add(piece: Buffer): boolean {
    this.isPossible &&= this.accepts(piece);
    return this.isPossible;
  }

  /** Ends the text. Call it once, while the encoding is possible. Null when it turns out not to be. */
  end(): Fit | null {
    if (this.decoder === null) {
      return 'any';
    }
    if (this.decode() !== null) {
      return 'whole';
    }
    // An excess of 1 is the one byte of the incomplete character. It may as well be an accented letter in Latin-1.
    return this.excess > 1 ? 'cut' : 'doubtful';
  }

  private accepts(piece: Buffer): boolean {
    const isWide = wide.test(this.encoding);
    if (!isWide && (this.encoding === 'utf-8' ? piece.includes(0) : hasControlCharacter(piece))) {
      return false;
    }
    if (this.decoder === null) {
      return true;
    }
    const text = this.decode(piece);
    this.excess += piece.length - (text?.length ?? 0);
    return text !== null && this.isText(text);
  }

  /** Whether decoded characters are text. */
  protected isText(text: string): boolean {
    return !wide.test(this.encoding) || !text.includes('\0');
  }

  /** Decodes the next bytes; without `piece`, the end. Returns null when they are not characters of the encoding. */
  private decode(piece?: Buffer): string | null {
    try {
      return this.decoder?.decode(piece, { stream: piece !== undefined }) ?? '';
    } catch {
      return null;
    }
  }
}

/** True when there is a byte below 32 other than tab, line feed, form feed, carriage return and escape. */
function hasControlCharacter(bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) {
      return true;
    }
  }
  return false;
}
