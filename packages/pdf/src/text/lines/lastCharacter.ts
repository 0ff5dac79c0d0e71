import { isRightToLeft } from '../codePoints';
import type { PageCharacters, Run } from '../pageCharacters';
import { type DraftLine, maxBaselineOffset } from './draftLine';

/** Characters with a gap in this range, in font sizes, are next to each other. Italics and kerning overlap. */
export const minNearGap = -0.6;
const maxNearGap = 1;
/** Letters of scripts from right to left may overlap more. */
const minNearGapRightToLeft = -2;
/** The largest distance of a superscript or subscript from the baseline, in font sizes. */
const maxRaise = 0.5;

/** The last character of a line. It tells whether the next one continues the line. */
export class LastCharacter {
  left = 0;
  right = 0;
  baseline = 0;
  run = -1;

  constructor(private readonly source: PageCharacters) {}

  /** True when the character is on `line`: next to its end, or further to the right on the same baseline. */
  continues(line: DraftLine, index: number): boolean {
    const { source } = this;
    const { direction, skew, size } = source.runs[source.run[index] as number] as Run;
    if (direction !== line.direction || skew !== line.skew) {
      return false;
    }
    if (this.isLigature(index)) {
      return true;
    }
    const larger = Math.max(size, line.mainSize);
    const offset = Math.abs((source.baseline[index] ?? 0) - line.baseline);
    const gap = (source.left[index] ?? 0) - this.right;
    const minGap = line.rightToLeft || isRightToLeft(source.code[index] as number) ? minNearGapRightToLeft : minNearGap;
    const isNear = gap > minGap * larger && gap < maxNearGap * larger;
    return isNear ? offset < maxRaise * larger : gap >= 0 && offset < maxBaselineOffset * Math.min(size, line.mainSize);
  }

  /** True when the character and the last one are of one ligature. Each of its letters has the box of the whole. */
  isLigature(index: number): boolean {
    const { source } = this;
    return (
      source.left[index] === this.left &&
      source.right[index] === this.right &&
      source.baseline[index] === this.baseline &&
      source.run[index] === this.run
    );
  }
}
