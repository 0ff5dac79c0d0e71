import type { ShownMap } from './pageGeometry';
import type { Pdfium } from './pdfium';
import type { ReadRun } from './readRun';

/** The part of an ideograph's square that is above the baseline of Latin letters beside it. */
const squareAscent = 0.88;

/** The part of a line that is above its baseline, in font sizes. */
const ascent = 0.8;
/** The width of a character that the font does not tell, in font sizes. */
const unknownWidth = 0.5;
/** Punctuation for vertical writing is as wide as this, in font sizes, although what is drawn is narrow. */
const square = 0.95;

/** A character's place in the frame of the text, see PageCharacters. */
export interface OddPlace {
  left: number;
  right: number;
  top: number;
  bottom: number;
  baseline: number;
}

/** A place on the shown page, in points. */
interface Point {
  x: number;
  y: number;
}

/**
 * Finds the places of characters whose boxes the engine gets wrong: text at an angle, and text in fonts for vertical writing.
 * They are made from the origins of the characters.
 */
export class OddPlaces {
  constructor(
    private readonly pdfium: Pdfium,
    private readonly textPage: number,
    private readonly map: ShownMap,
  ) {}

  /** Returns the place of the character at `index`, which belongs to `run`. Null when the engine does not know it. */
  find(index: number, run: ReadRun): OddPlace | null {
    const origin = this.originOf(index);
    const place = origin === null ? null : this.placeOf(index, run, origin);
    return place !== null && Object.values(place).every(Number.isFinite) ? place : null;
  }

  private placeOf(index: number, run: ReadRun, origin: Point): OddPlace | null {
    switch (run.placing) {
      case 'column':
        return this.inColumn(run, origin);
      case 'beside':
        return this.beside(index, run, origin);
      default:
        return this.atAngle(index, run, origin);
    }
  }

  private atAngle(index: number, run: ReadRun, origin: Point): OddPlace {
    const { along, across } = inFrame(origin, run);
    const top = across - ascent * run.size;
    return { left: along, right: along + this.widthOf(index, run), top, bottom: top + run.size, baseline: across };
  }

  private widthOf(index: number, run: ReadRun): number {
    const { fpdf, scratch } = this.pdfium;
    const code = fpdf.FPDFText_GetUnicode(this.textPage, index);
    const isKnown = fpdf.FPDFFont_GetGlyphWidth(run.font, code, run.stretch, scratch) !== 0;
    const width = isKnown ? (this.pdfium.memory.f32[scratch / 4] as number) : 0;
    return width > 0 ? width : unknownWidth * run.stretch;
  }

  private inColumn(run: ReadRun, origin: Point): OddPlace {
    const { size, shift } = run;
    const { across } = inFrame(this.shown(run.x, run.y), run);
    const left = inFrame(origin, run).along - shift;
    const top = across - size / 2;
    return { left, right: left + size, top, bottom: top + size, baseline: top + squareAscent * size };
  }

  private beside(index: number, run: ReadRun, origin: Point): OddPlace | null {
    const { fpdf, scratch } = this.pdfium;
    if (fpdf.FPDFText_GetCharBox(this.textPage, index, scratch, scratch + 8, scratch + 16, scratch + 24) === 0) {
      return null;
    }
    const [boxLeft = 0, boxRight = 0, boxBottom = 0, boxTop = 0] = this.pdfium.memory.f64.subarray(
      scratch / 8,
      scratch / 8 + 4,
    );
    const { along, across } = inFrame(origin, run);
    const one = inFrame(this.shown(boxLeft, boxBottom), run).along;
    const other = inFrame(this.shown(boxRight, boxTop), run).along;
    // The object's place is above the middle of its first character.
    const width = 2 * (inFrame(this.shown(run.x, run.y), run).along - along);
    const isSquare = !(width > 0 && width < square * run.size);
    const top = across - squareAscent * run.size;
    return {
      left: isSquare ? Math.min(one, other) : along,
      right: isSquare ? Math.max(one, other) : along + width,
      top,
      bottom: top + run.size,
      baseline: across,
    };
  }

  private originOf(index: number): Point | null {
    const { fpdf, scratch } = this.pdfium;
    if (fpdf.FPDFText_GetCharOrigin(this.textPage, index, scratch, scratch + 8) === 0) {
      return null;
    }
    const { f64 } = this.pdfium.memory;
    return this.shown(f64[scratch / 8] as number, f64[scratch / 8 + 1] as number);
  }

  private shown(x: number, y: number): Point {
    const { a, b, c, d, e, f } = this.map;
    return { x: a * x + c * y + e, y: b * x + d * y + f };
  }
}

/** The place along the direction of the text and across it. */
function inFrame({ x, y }: Point, { direction, skew }: ReadRun): { along: number; across: number } {
  const angle = (direction * Math.PI) / 2 + skew;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return { along: x * cos + y * sin, across: y * cos - x * sin };
}
