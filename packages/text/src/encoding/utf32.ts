/** The name of the encoding that a label of UTF-32 has, or null for any other label. */
export function utf32Of(label: string): 'utf-32le' | 'utf-32be' | null {
  const [, order] = /^(?:utf-?32|ucs-?4)(?:-?(le|be))?$/i.exec(label.trim()) ?? ['', null];
  return order === null ? null : order?.toLowerCase() === 'be' ? 'utf-32be' : 'utf-32le';
}

/** Decodes UTF-32 piece by piece, as a TextDecoder decodes other encodings. It leaves out the byte order mark. */
export class Utf32Decoder {
  private rest: Buffer = Buffer.alloc(0);
  private isFirst = true;

  /** @param options.fatal Whether four bytes that are no character throw a TypeError. Otherwise U+FFFD replaces them. */
  constructor(
    readonly encoding: 'utf-32le' | 'utf-32be',
    private readonly options: { fatal: boolean },
  ) {}

  decode(piece: Buffer = Buffer.alloc(0), { stream = false } = {}): string {
    const bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    const length = bytes.length - (bytes.length % 4);
    let text = '';
    for (let at = 0; at < length; at += 4) {
      text += this.characterOf(this.encoding === 'utf-32le' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    }
    // The caller overwrites the piece.
    this.rest = Buffer.from(bytes.subarray(length));
    if (!stream && this.rest.length > 0) {
      this.rest = Buffer.alloc(0);
      text += this.bad();
    }
    if (this.isFirst && text !== '') {
      this.isFirst = false;
      return text.startsWith('\uFEFF') ? text.slice(1) : text;
    }
    return text;
  }

  private characterOf(code: number): string {
    const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return isCharacter ? String.fromCodePoint(code) : this.bad();
  }

  private bad(): string {
    if (this.options.fatal) {
      throw new TypeError('The bytes are not UTF-32.');
    }
    return '\uFFFD';
  }
}
