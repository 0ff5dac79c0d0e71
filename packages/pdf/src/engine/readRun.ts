import type { Run } from '../text/pageCharacters';
import { isHidden } from './hiddenText';
import { directionOf, type ShownMap } from './pageGeometry';
import type { Pdfium } from './pdfium';

const boldName = /bold|black|heavy/i;
const maxNameBytes = 256;
/** Text that is turned by less than this beyond a quarter turn is read as if it were not. */
const minSkew = (1.5 * Math.PI) / 180;
/** Text objects whose angles differ by less are of one angle. */
const sameSkew = (0.5 * Math.PI) / 180;
/** In a font for vertical writing, the origin of a glyph is 0.88 font sizes below the place where it is drawn. */
const minVerticalShift = 0.4;
/** Neighbours on a line or in a column of text are at most this far apart, in font sizes. */
const maxNeighbourDistance = 3;

/**
 * How the characters of a run are placed:
 * - `box`: the engine's boxes are right. This is nearly all text.
 * - `skewed`: the text has an angle that is no quarter turn, so the boxes are larger than the characters.
 * - `column`: vertical writing. The boxes are beside the characters.
 * - `beside`: a font for vertical writing, whose characters are drawn side by side. The boxes are too wide.
 */
export type Placing = 'box' | 'skewed' | 'column' | 'beside';

export interface ReadRun extends Run {
  placing: Placing;
  /** The text object's place on its page, and how far above the origin of its first character that is, in points. */
  x: number;
  y: number;
  shift: number;
  font: number;
  /** The font size along the line. It differs from the size where the text is stretched. */
  stretch: number;
}

/** Reads what the text objects of one page have in common. It remembers which fonts are bold. */
export class RunReader {
  private readonly boldByFont = new Map<number, boolean>();
  private readonly skews: number[] = [];
  private isLastColumn = true;

  /** @param textPage The engine's open text page. */
  constructor(
    private readonly pdfium: Pdfium,
    private readonly textPage: number,
    private readonly map: ShownMap,
  ) {}

  /** Reads the run of the text object `object`, whose first character is at `index`. Its size is 0 if unknown. */
  read(object: number, index: number): ReadRun {
    const { fpdf, scratch } = this.pdfium;
    const rawSize = Math.abs(fpdf.FPDFText_GetFontSize(this.textPage, index));
    const hasMatrix = fpdf.FPDFText_GetMatrix(this.textPage, index, scratch) !== 0;
    const { f32, f64 } = this.pdfium.memory;
    const at = scratch / 4;
    const a = hasMatrix ? (f32[at] as number) : 1;
    const b = hasMatrix ? (f32[at + 1] as number) : 0;
    const c = hasMatrix ? (f32[at + 2] as number) : 0;
    const d = hasMatrix ? (f32[at + 3] as number) : 1;
    const x = f32[at + 4] as number;
    const y = f32[at + 5] as number;
    const scale = Math.sqrt(c * c + d * d);
    // The matrix scales the raw size: text that is shown at 8 points may have 13.33 or 416.
    const size = Math.fround(rawSize * scale);
    const font = fpdf.FPDFTextObj_GetFont(object);
    let shift = 0;
    let placing: Placing = 'box';
    if (hasMatrix && fpdf.FPDFText_GetCharOrigin(this.textPage, index, scratch + 32, scratch + 40) !== 0) {
      const originX = f64[scratch / 8 + 4] as number;
      const originY = f64[scratch / 8 + 5] as number;
      shift = ((x - originX) * c + (y - originY) * d) / scale;
      if (size > 0 && shift > minVerticalShift * size) {
        placing = this.runsDown({ index, object, size, a, b }) ? 'column' : 'beside';
      }
    }
    const [textX, textY] = placing === 'column' ? [-c, -d] : [a, b];
    const { map } = this;
    const shownX = map.a * textX + map.c * textY;
    const shownY = map.b * textX + map.d * textY;
    const direction = directionOf(shownX, shownY);
    const skew = size === 0 ? 0 : this.skewOf(Math.atan2(shownY, shownX) - (direction * Math.PI) / 2);
    return {
      direction,
      skew,
      bold: this.isBold(font, index),
      size,
      hidden: isHidden(this.pdfium, object),
      placing: skew !== 0 && placing === 'box' ? 'skewed' : placing,
      x,
      y,
      shift,
      font,
      stretch: rawSize * (b === 0 ? Math.abs(a) : Math.hypot(a, b)),
    };
  }

  /** Rounds the angle to one that was seen before. */
  private skewOf(angle: number): number {
    const skew = angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
    // In this form, an angle that is not a number is none.
    if (!(Math.abs(skew) >= minSkew)) {
      return 0;
    }
    const known = this.skews.find((each) => Math.abs(each - skew) < sameSkew);
    if (known !== undefined) {
      return known;
    }
    this.skews.push(skew);
    return skew;
  }

  /**
   * True when the text in a font for vertical writing runs downwards. Some producers use such fonts and place every letter
   * beside the one before.
   */
  private runsDown(first: { index: number; object: number; size: number; a: number; b: number }): boolean {
    const { fpdf, scratch } = this.pdfium;
    const { index, object, size, a, b } = first;
    const [x, y] = this.originOf(index);
    const scale = Math.hypot(a, b);
    for (const other of [index + 1, index + 2, index - 1, index - 2]) {
      const otherObject = other < 0 ? 0 : fpdf.FPDFText_GetTextObject(this.textPage, other);
      if (otherObject === 0 || fpdf.FPDFText_GetCharOrigin(this.textPage, other, scratch + 32, scratch + 40) === 0) {
        continue;
      }
      const [otherX, otherY] = this.originOf(other);
      const distance = Math.hypot(otherX - x, otherY - y);
      if (distance > 0 && (otherObject === object || distance < maxNeighbourDistance * size)) {
        const along = Math.abs((otherX - x) * a + (otherY - y) * b) / scale;
        this.isLastColumn = along < 0.5 * distance;
        break;
      }
    }
    return this.isLastColumn;
  }

  private originOf(index: number): [x: number, y: number] {
    const { fpdf, scratch, memory } = this.pdfium;
    fpdf.FPDFText_GetCharOrigin(this.textPage, index, scratch + 32, scratch + 40);
    return [memory.f64[scratch / 8 + 4] as number, memory.f64[scratch / 8 + 5] as number];
  }

  private isBold(font: number, index: number): boolean {
    let bold = this.boldByFont.get(font);
    if (bold === undefined) {
      bold = this.hasBoldName(index);
      this.boldByFont.set(font, bold);
    }
    return bold;
  }

  /** True when the font's name says that it is bold. The weight is useless: producers store 350 for bold, 1524 for regular, or 0. */
  private hasBoldName(index: number): boolean {
    const { fpdf, scratch, memory } = this.pdfium;
    const name = scratch + 64;
    const length = fpdf.FPDFText_GetFontInfo(this.textPage, index, name, maxNameBytes, 0);
    if (length <= 1 || length > maxNameBytes) {
      return false;
    }
    return boldName.test(Buffer.from(memory.u8.subarray(name, name + length - 1)).toString('latin1'));
  }
}
