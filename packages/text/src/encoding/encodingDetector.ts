import { Candidate, fallbackEncoding, fits } from './candidate';
import { japaneseCandidates } from './japaneseCandidate';
import { unmarkedCandidates } from './unmarkedCandidate';

/** What is looked at for a byte order mark and for NUL bytes, so that the result does not depend on the pieces. */
const headBytes = 1024;

/**
 * Detects, piece by piece, whether bytes are text, and in which encoding. The order of preference is:
 * 1. the encoding of the byte order mark,
 * 2. the declared encoding, if the bytes are valid in it,
 * 3. UTF-8, if the bytes are valid in it,
 * 4. Shift-JIS or EUC-JP, if the bytes are valid in it and the text is Japanese,
 * 5. windows-1252, if the bytes contain no control characters,
 * 6. UTF-16 or UTF-32 without a byte order mark, if there are NUL bytes near the beginning.
 *
 * A declared Latin-1 counts as not declared, because many programs declare it for any text. The last character may be cut
 * off.
 */
export class EncodingDetector {
  private candidates: Candidate[] | null = null;
  private head: Buffer = Buffer.alloc(0);

  /** @param declared The name of an encoding, as `encodingOf` returns it. */
  constructor(private readonly declared: string | null = null) {}

  /** Takes the next bytes. Returns false when the bytes are not text, whatever follows. */
  add(piece: Buffer): boolean {
    if (this.candidates !== null) {
      return addTo(this.candidates, piece);
    }
    this.head = Buffer.concat([this.head, piece]);
    return this.head.length < headBytes || addTo(this.begin(), this.head);
  }

  /** Ends the text. Returns the name of the encoding, or null when the bytes are not text. */
  end(): string | null {
    if (this.candidates === null) {
      addTo(this.begin(), this.head);
    }
    const possible = this.candidates?.filter((candidate) => candidate.isPossible) ?? [];
    const ranked = possible.flatMap((candidate) => {
      const fit = candidate.end();
      return fit === null ? [] : [{ encoding: candidate.encoding, rank: fits.indexOf(fit) }];
    });
    // Sorting is stable: candidates that fit equally well keep their order of preference.
    return ranked.sort((one, other) => one.rank - other.rank)[0]?.encoding ?? null;
  }

  private begin(): Candidate[] {
    const marked = markedEncoding(this.head);
    if (marked !== null) {
      // Bad bytes do not rule out UTF-8 after its mark. They rule out the others, whose marks may also begin a picture.
      this.candidates = [new Candidate(marked, marked !== 'utf-8')];
      return this.candidates;
    }
    const declared = this.declared === fallbackEncoding ? null : this.declared;
    const encodings = new Set([declared ?? 'utf-8', 'utf-8', fallbackEncoding]);
    this.candidates = [
      ...[...encodings].map((encoding) => new Candidate(encoding, true)),
      ...japaneseCandidates(),
      ...unmarkedCandidates(this.head.subarray(0, headBytes)),
    ];
    return this.candidates;
  }
}

/** Gives the bytes to all candidates. Returns whether one of them is still possible. */
function addTo(candidates: readonly Candidate[], piece: Buffer): boolean {
  return candidates.filter((candidate) => candidate.add(piece)).length > 0;
}

const marks = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  // The mark of UTF-16 begins it.
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
] as const;

function markedEncoding(head: Buffer): string | null {
  return marks.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte))?.[0] ?? null;
}
