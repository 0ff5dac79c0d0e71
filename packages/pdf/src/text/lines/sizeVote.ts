import type { PageCharacters } from '../pageCharacters';

/**
 * The font size that most characters have, found in one pass by the majority vote of Boyer and Moore ("MJRTY: A Fast Majority
 * Vote Algorithm", 1981).
 */
export class SizeVote {
  /** Points; NaN before the first vote. */
  winner = Number.NaN;
  private lead = 0;

  add(size: number): void {
    if (Math.abs(size - this.winner) < 0.1) {
      this.lead++;
    } else if (this.lead === 0) {
      this.winner = size;
      this.lead = 1;
    } else {
      this.lead--;
    }
  }

  clear(): void {
    this.winner = Number.NaN;
    this.lead = 0;
  }
}

/** The size of most characters in a range, and whether most are bold. */
export function styleOf(source: PageCharacters, from: number, end: number): { size: number; bold: boolean } {
  const sizes = new SizeVote();
  let boldOverOthers = 0;
  for (let index = from; index < end; index++) {
    if (source.isGlyph(index)) {
      const { size, bold } = source.runAt(index);
      sizes.add(size);
      boldOverOthers += bold ? 1 : -1;
    }
  }
  return { size: sizes.winner, bold: boldOverOthers > 0 };
}
