import { TextDecoder } from 'node:util';

/** The encoding that browsers use for Latin-1. In it, every byte is a character. */
export const fallbackEncoding = 'windows-1252';

/**
 * How well an encoding explains the bytes, the best first. `whole`: all bytes are characters. `cut`: all but an unfinished
 * last character. `any`: it accepts any bytes. `doubtful`: the unfinished last byte is the only evidence for it.
 */
export const fits = ['whole', 'cut', 'any', 'doubtful'] as const;
export type Fit = (typeof fits)[number];

/** An encoding that bytes may be in, until they prove that they are not. */
export class Candidate {
  isPossible = true;
  private readonly decoder: TextDecoder | null;
  /** How many more bytes than characters there are so far. Above 0, some character took several bytes. */
  private excess = 0;

  /** @param strict Whether bytes that are not characters of the encoding rule it out. */
  constructor(
    readonly encoding: string,
    strict: boolean,
  ) {
    this.decoder = encoding === fallbackEncoding ? null : new TextDecoder(encoding, { fatal: strict });
  }

  /** Checks the next bytes. Returns whether the encoding is still possible. */
  add(piece: Buffer): boolean {
    this.isPossible &&= this.accepts(piece);
    return this.isPossible;
  }

  /** Ends the text. Call it once, while the encoding is possible. */
  end(): Fit {
    if (this.decoder === null) {
      return 'any';
    }
    if (this.decode() !== null) {
      return 'whole';
    }
    // A single byte may also be the only accented letter of a Latin-1 text.
    return this.excess > 1 ? 'cut' : 'doubtful';
  }

  private accepts(piece: Buffer): boolean {
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

  /** Decodes the next bytes, or without bytes the end. Null when the bytes are not characters of the encoding. */
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
