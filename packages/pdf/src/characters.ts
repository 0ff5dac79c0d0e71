import type { PageGeometry } from './geometry';
import { directionOf, shownMap } from './geometry';
import type { Pdfium } from './pdfium';

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

/**
 * The characters of a page in content-stream order, in parallel arrays that are reused from page to page. Places are
 * in points along (a) and across (c) the direction the text runs in, so that lines are put together the same way
 * whichever way they run.
 */
export class PageCharacters {
  count = 0;
  code = new Uint32Array(0);
  kind = new Uint8Array(0);
  direction = new Uint8Array(0);
  bold = new Uint8Array(0);
  /** Font size in points. */
  size = new Float32Array(0);
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
    if (this.code.length >= capacity) {
      return;
    }
    const length = Math.max(capacity, this.code.length * 2, 4096);
    this.code = new Uint32Array(length);
    this.kind = new Uint8Array(length);
    this.direction = new Uint8Array(length);
    this.bold = new Uint8Array(length);
    this.size = new Float32Array(length);
    this.a0 = new Float32Array(length);
    this.a1 = new Float32Array(length);
    this.c0 = new Float32Array(length);
    this.c1 = new Float32Array(length);
    this.base = new Float32Array(length);
  }
}

const BOLD_NAME = /bold|black|heavy/i;
const NAME_BYTES = 256;

/** Fills `characters` with what stands inside the page's box. `text` is the engine's open text page. */
export function readCharacters(pdfium: Pdfium, text: number, geometry: PageGeometry, characters: PageCharacters): void {
  const { fpdf, scratch } = pdfium;
  const total = Math.max(0, fpdf.FPDFText_CountChars(text));
  characters.reserve(total);
  const map = shownMap(geometry);
  const f32At = scratch / 4;
  const f64At = scratch / 8;
  const boldFonts = new Map<number, boolean>();
  let views = pdfium.memory;
  let lastObject = 0;
  let size = 0;
  let direction = 0;
  let bold = false;
  let count = 0;

  for (let index = 0; index < total; index++) {
    const code = fpdf.FPDFText_GetUnicode(text, index);
    const object = fpdf.FPDFText_GetTextObject(text, index);
    if (isSpace(code) || object === 0) {
      characters.kind[count] = code === 10 || code === 13 ? kind.lineBreak : kind.space;
      count++;
      continue;
    }
    if (!isVisible(code)) {
      continue;
    }
    if (object !== lastObject) {
      lastObject = object;
      const raw = Math.abs(fpdf.FPDFText_GetFontSize(text, index));
      const hasMatrix = fpdf.FPDFText_GetMatrix(text, index, scratch) !== 0;
      views = pdfium.memory;
      const { f32 } = views;
      const [ma = 1, mb = 0, mc = 0, md = 1] = hasMatrix
        ? [f32[f32At], f32[f32At + 1], f32[f32At + 2], f32[f32At + 3]]
        : [];
      // The raw size says little: the matrix scales it (13.33 or 416 for text shown at 8 points).
      size = raw * Math.hypot(mc, md);
      direction = directionOf(map.a * ma + map.c * mb, map.b * ma + map.d * mb);
      const font = fpdf.FPDFTextObj_GetFont(object);
      let known = boldFonts.get(font);
      if (known === undefined) {
        known = isBold(pdfium, text, index);
        boldFonts.set(font, known);
        views = pdfium.memory;
      }
      bold = known;
    }
    if (
      fpdf.FPDFText_GetLooseCharBox(text, index, scratch) === 0 ||
      fpdf.FPDFText_GetCharOrigin(text, index, scratch + 16, scratch + 24) === 0
    ) {
      continue;
    }
    const { f32, f64 } = views.f32.length === 0 ? pdfium.memory : views;
    const left = f32[f32At] ?? 0;
    const top = f32[f32At + 1] ?? 0;
    const right = f32[f32At + 2] ?? 0;
    const bottom = f32[f32At + 3] ?? 0;
    const originX = f64[f64At + 2] ?? 0;
    const originY = f64[f64At + 3] ?? 0;
    const xa = map.a * left + map.c * top + map.e;
    const xb = map.a * right + map.c * bottom + map.e;
    const ya = map.b * left + map.d * top + map.f;
    const yb = map.b * right + map.d * bottom + map.f;
    const middleX = (xa + xb) / 2;
    const middleY = (ya + yb) / 2;
    // Written so that a place that is not a number is outside, too.
    if (!(middleX >= 0 && middleX <= geometry.width && middleY >= 0 && middleY <= geometry.height)) {
      continue;
    }
    const x0 = Math.min(xa, xb);
    const x1 = Math.max(xa, xb);
    const y0 = Math.min(ya, yb);
    const y1 = Math.max(ya, yb);
    const baseX = map.a * originX + map.c * originY + map.e;
    const baseY = map.b * originX + map.d * originY + map.f;
    switch (direction) {
      case 0:
        place(characters, count, x0, x1, y0, y1, baseY);
        break;
      case 1:
        place(characters, count, y0, y1, -x1, -x0, -baseX);
        break;
      case 2:
        place(characters, count, -x1, -x0, -y1, -y0, -baseY);
        break;
      default:
        place(characters, count, -y1, -y0, x0, x1, baseX);
    }
    characters.code[count] = code;
    characters.kind[count] = code === 0x02 || code === 0xfffe ? kind.lineEndHyphen : kind.glyph;
    characters.direction[count] = direction;
    characters.bold[count] = bold ? 1 : 0;
    characters.size[count] = size > 0 ? size : Math.max(1, Math.abs(y1 - y0));
    count++;
  }
  characters.count = count;
}

function place(
  characters: PageCharacters,
  at: number,
  a0: number,
  a1: number,
  c0: number,
  c1: number,
  base: number,
): void {
  characters.a0[at] = a0;
  characters.a1[at] = a1;
  characters.c0[at] = c0;
  characters.c1[at] = c1;
  characters.base[at] = base;
}

function isSpace(code: number): boolean {
  return (
    code === 0x20 ||
    code === 0xa0 ||
    (code >= 0x09 && code <= 0x0d) ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x1680 ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** False for what leaves no mark: control characters, joiners, byte order marks and other non-characters. */
function isVisible(code: number): boolean {
  if (code < 0x20) {
    return code === 0x02;
  }
  if (code >= 0x7f && code < 0xa0) {
    return false;
  }
  return (
    code < 0x200b || (code !== 0x200b && code !== 0x2060 && code !== 0xfeff && code !== 0xffff && code <= 0x10ffff)
  );
}

function isBold(pdfium: Pdfium, text: number, index: number): boolean {
  const { fpdf, scratch } = pdfium;
  const name = scratch + 64;
  const length = fpdf.FPDFText_GetFontInfo(text, index, name, NAME_BYTES, 0);
  if (length <= 1 || length > NAME_BYTES) {
    return false;
  }
  // The name and not the weight: producers store 350 for bold, 1524 for regular, or 0.
  return BOLD_NAME.test(Buffer.from(pdfium.memory.u8.subarray(name, name + length - 1)).toString('latin1'));
}
