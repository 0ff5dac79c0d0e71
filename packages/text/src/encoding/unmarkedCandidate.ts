import { Candidate, type Fit } from './candidate';

/** Control characters, and characters that no text has: unassigned ones and those for private use. */
const noText = /[^\P{Cc}\t\n\f\r]|[\p{Cn}\p{Co}]/u;
const unmarked = ['utf-16le', 'utf-16be', 'utf-32le', 'utf-32be'] as const;
/** The largest share of characters of which both bytes are ASCII. In Chinese it is about a fifth, in other languages none. */
const maxAsciiPairs = 0.35;

/**
 * UTF-16 or UTF-32 without a byte order mark. It is looked for only where bytes are NUL, so that no other text is
 * mistaken for it. Two letters of ASCII are a Chinese character in UTF-16.
 */
export class UnmarkedCandidate extends Candidate {
  private characters = 0;
  private asciiPairs = 0;
  private latin = 0;

  constructor(encoding: (typeof unmarked)[number]) {
    super(encoding, true);
  }

  override end(): Fit | null {
    const isText = this.latin > 0 && this.asciiPairs <= maxAsciiPairs * this.characters;
    return super.end() === 'whole' && isText ? 'whole' : null;
  }

  protected override isText(text: string): boolean {
    this.characters += text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      this.latin += code < 0x100 ? 1 : 0;
      this.asciiPairs += isAscii(code >> 8) && isAscii(code & 0xff) ? 1 : 0;
    }
    return !noText.test(text);
  }
}

/** The candidates for a text that begins with these bytes. */
export function unmarkedCandidates(head: Buffer): UnmarkedCandidate[] {
  return head.includes(0) ? unmarked.map((encoding) => new UnmarkedCandidate(encoding)) : [];
}

function isAscii(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}
