import type { Run } from '../text/pageCharacters';
import { directionOf, type ShownMap } from './pageGeometry';
import type { Pdfium } from './pdfium';

const boldName = /bold|black|heavy/i;
const maxNameBytes = 256;

/** Reads what the text objects of one page have in common. It remembers which fonts are bold. */
export class RunReader {
  private readonly boldByFont = new Map<number, boolean>();

  /** @param textPage The engine's open text page. */
  constructor(
    private readonly pdfium: Pdfium,
    private readonly textPage: number,
    private readonly map: ShownMap,
  ) {}

  /** Reads the run of the text object `object`, which the character at `index` belongs to. Its size is 0 if unknown. */
  read(object: number, index: number): Run {
    const { fpdf, scratch } = this.pdfium;
    const rawSize = Math.abs(fpdf.FPDFText_GetFontSize(this.textPage, index));
    const hasMatrix = fpdf.FPDFText_GetMatrix(this.textPage, index, scratch) !== 0;
    const { f32 } = this.pdfium.memory;
    const at = scratch / 4;
    const a = hasMatrix ? (f32[at] as number) : 1;
    const b = hasMatrix ? (f32[at + 1] as number) : 0;
    const c = hasMatrix ? (f32[at + 2] as number) : 0;
    const d = hasMatrix ? (f32[at + 3] as number) : 1;
    const { map } = this;
    return {
      direction: directionOf(map.a * a + map.c * b, map.b * a + map.d * b),
      bold: this.isBold(fpdf.FPDFTextObj_GetFont(object), index),
      // The matrix scales the raw size: text that is shown at 8 points may have 13.33 or 416.
      size: Math.fround(rawSize * Math.sqrt(c * c + d * d)),
    };
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
