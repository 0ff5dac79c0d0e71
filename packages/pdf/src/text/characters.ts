import type { Pdfium } from '../engine/pdfium';
import { isSpace, isVisible } from './codes';
import type { Direction, PageGeometry, ShownMap } from './geometry';
import { directionOf, shownMap } from './geometry';

/** What a slot of PageCharacters holds. */
export const kind = {
  /** A character with a place on the page. */
  glyph: 0,
  /** A space between two glyphs: drawn or inferred by the engine. */
  space: 1,
  /** A line break inferred by the engine. It is wrong around superscripts. */
  lineBreak: 2,
  /** A glyph the engine takes for a hyphen that splits a word at the end of a line. */
  lineEndHyphen: 3,
} as const;

/** What the characters of a text object have in common. */
export interface Run {
  direction: Direction;
  bold: boolean;
  /** Font size in points. */
  size: number;
}

/**
 * The characters of a page in content-stream order, in parallel arrays that are reused from page to page. Places are
 * in points along (a) and across (c) the direction the text runs in, so that lines are put together the same way
 * whichever way they run.
 */
export class PageCharacters {
  count = 0;
  code = new Uint32Array(0);
  kind = new Uint8Array(0);
  /** Which of `runs` a glyph belongs to. */
  run = new Uint32Array(0);
  runs: Run[] = [];
  /** Extent along the direction. */
  a0 = new Float32Array(0);
  a1 = new Float32Array(0);
  /** Extent across the direction; grows from one line to the next. */
  c0 = new Float32Array(0);
  c1 = new Float32Array(0);
  /** The base line's place across the direction. */
  base = new Float32Array(0);

  reserve(capacity: number): void {
    this.count = 0;
    this.runs = [];
    if (this.code.length >= capacity) {
      return;
    }
    const length = Math.max(capacity, this.code.length * 2, 4096);
    this.code = new Uint32Array(length);
    this.kind = new Uint8Array(length);
    this.run = new Uint32Array(length);
    this.a0 = new Float32Array(length);
    this.a1 = new Float32Array(length);
    this.c0 = new Float32Array(length);
    this.c1 = new Float32Array(length);
    this.base = new Float32Array(length);
  }
}

const boldName = /bold|black|heavy/i;
const nameBytes = 256;

/** Fills `characters` with what stands inside the page's box. `text` is the engine's open text page. */
export function readCharacters(pdfium: Pdfium, text: number, geometry: PageGeometry, characters: PageCharacters): void {
  const { fpdf, scratch } = pdfium;
  const total = Math.max(0, fpdf.FPDFText_CountChars(text));
  characters.reserve(total);
  const {
    code: codes,
    kind: kinds,
    run: runIndexes,
    runs,
    a0: a0s,
    a1: a1s,
    c0: c0s,
    c1: c1s,
    base: bases,
  } = characters;
  const map = shownMap(geometry);
  const { a, b, c, d, e, f } = map;
  const { width, height } = geometry;
  const at = scratch / 4;
  const originAt = (scratch + 16) / 8;
  const boldFonts = new Map<number, boolean>();
  let { f32, f64 } = pdfium.memory;
  let lastObject = 0;
  let runIndex = -1;
  let direction: Direction = 0;
  let sized = false;
  let lastC0 = Number.NaN;
  let lastC1 = Number.NaN;
  let base = 0;
  let count = 0;

  for (let index = 0; index < total; index++) {
    let code = fpdf.FPDFText_GetUnicode(text, index);
    const object = fpdf.FPDFText_GetTextObject(text, index);
    if (code >= 0xd800 && code <= 0xdbff && index + 1 < total) {
      // A character beyond 16 bits comes as its two surrogates, both with the glyph's box.
      const low = fpdf.FPDFText_GetUnicode(text, index + 1);
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        index++;
      }
    }
    if (object === 0 || isSpace(code)) {
      // A line feed that the page itself draws is white space like any other.
      kinds[count] = object === 0 && (code === 10 || code === 13) ? kind.lineBreak : kind.space;
      count++;
      continue;
    }
    if (!isVisible(code)) {
      continue;
    }
    if (object !== lastObject) {
      lastObject = object;
      const run = readRun(pdfium, text, index, object, map, boldFonts);
      sized = run.size > 0;
      direction = run.direction;
      runIndex = runs.push(run) - 1;
      lastC0 = Number.NaN;
      ({ f32, f64 } = pdfium.memory);
    }
    if (fpdf.FPDFText_GetLooseCharBox(text, index, scratch) === 0) {
      continue;
    }
    if (f32.length === 0) {
      ({ f32, f64 } = pdfium.memory);
    }
    const left = f32[at] as number;
    const top = f32[at + 1] as number;
    const right = f32[at + 2] as number;
    const bottom = f32[at + 3] as number;
    const xa = a * left + c * top + e;
    const xb = a * right + c * bottom + e;
    const ya = b * left + d * top + f;
    const yb = b * right + d * bottom + f;
    const middleX = (xa + xb) / 2;
    const middleY = (ya + yb) / 2;
    // Written so that a place that is not a number is outside, too.
    if (!(middleX >= 0 && middleX <= width && middleY >= 0 && middleY <= height)) {
      continue;
    }
    const x0 = Math.min(xa, xb);
    const x1 = Math.max(xa, xb);
    const y0 = Math.min(ya, yb);
    const y1 = Math.max(ya, yb);
    const upright = direction === 0 || direction === 2;
    const backwards = direction >= 2;
    const along0 = upright ? x0 : y0;
    const along1 = upright ? x1 : y1;
    // Across, directions 1 and 2 run against the page's own axis.
    const turned = direction === 1 || direction === 2;
    const low = upright ? y0 : x0;
    const high = upright ? y1 : x1;
    const c0 = turned ? -high : low;
    const c1 = turned ? -low : high;
    if (c0 !== lastC0 || c1 !== lastC1) {
      // Within a text object the base line moves only where the box does.
      if (fpdf.FPDFText_GetCharOrigin(text, index, scratch + 16, scratch + 24) === 0) {
        continue;
      }
      const x = f64[originAt] as number;
      const y = f64[originAt + 1] as number;
      const across = upright ? b * x + d * y + f : a * x + c * y + e;
      base = turned ? -across : across;
      lastC0 = c0;
      lastC1 = c1;
      if (!sized) {
        // The engine does not know the size: the box tells it.
        runIndex = runs.push({ ...(runs[runIndex] as Run), size: Math.fround(Math.max(1, y1 - y0)) }) - 1;
      }
    }
    codes[count] = code;
    kinds[count] = code === 0x02 || code === 0xfffe ? kind.lineEndHyphen : kind.glyph;
    runIndexes[count] = runIndex;
    a0s[count] = backwards ? -along1 : along0;
    a1s[count] = backwards ? -along0 : along1;
    c0s[count] = c0;
    c1s[count] = c1;
    bases[count] = base;
    count++;
  }
  characters.count = count;
}

/** What the engine says of the text object that the character belongs to. */
function readRun(
  pdfium: Pdfium,
  text: number,
  index: number,
  object: number,
  map: ShownMap,
  boldFonts: Map<number, boolean>,
): Run {
  const { fpdf, scratch } = pdfium;
  const raw = Math.abs(fpdf.FPDFText_GetFontSize(text, index));
  const hasMatrix = fpdf.FPDFText_GetMatrix(text, index, scratch) !== 0;
  const { f32 } = pdfium.memory;
  const at = scratch / 4;
  const a = hasMatrix ? (f32[at] as number) : 1;
  const b = hasMatrix ? (f32[at + 1] as number) : 0;
  const c = hasMatrix ? (f32[at + 2] as number) : 0;
  const d = hasMatrix ? (f32[at + 3] as number) : 1;
  const font = fpdf.FPDFTextObj_GetFont(object);
  let bold = boldFonts.get(font);
  if (bold === undefined) {
    bold = isBold(pdfium, text, index);
    boldFonts.set(font, bold);
  }
  return {
    direction: directionOf(map.a * a + map.c * b, map.b * a + map.d * b),
    bold,
    // The raw size says little: the matrix scales it (13.33 or 416 for text shown at 8 points).
    size: Math.fround(raw * Math.sqrt(c * c + d * d)),
  };
}

function isBold(pdfium: Pdfium, text: number, index: number): boolean {
  const { fpdf, scratch } = pdfium;
  const name = scratch + 64;
  const length = fpdf.FPDFText_GetFontInfo(text, index, name, nameBytes, 0);
  if (length <= 1 || length > nameBytes) {
    return false;
  }
  // The name and not the weight: producers store 350 for bold, 1524 for regular, or 0.
  return boldName.test(Buffer.from(pdfium.memory.u8.subarray(name, name + length - 1)).toString('latin1'));
}
