import type { Font } from 'fontkit';
import { type CodeMap, guessCodeMap, space, textOf } from '../layer/codeMaps';
import { judgeText } from '../layer/judgeText';
import type { Pdfium } from './pdfium';

/** A font is judged by its first characters on the page. */
const maxJudged = 2_000;
/** The share of a font's codes whose width must be the width of the glyph of that number. */
const minSameWidth = 0.9;
/** A part of a width, because widths are rounded in many ways. */
const widthTolerance = 0.02;
/** Glyphs of equal width prove nothing. */
const minWidths = 3;

/** Tells what a code stands for, where the engine reported the code instead of the character. */
export interface RecoveredCodes {
  /** The character, or the code itself. */
  characterOf(object: number, code: number): number;
}

interface UsedFont {
  /** The codes that the engine reported as characters, in order, with `space` where it inferred a space. */
  codes: number[];
  unmapped: number;
  /** The width of each code on the page, by the font size. */
  widths: Map<number, number>;
}

/**
 * Finds what the codes of the open text page stand for, font by font: by the table in the font, or by trying what gives a
 * convincing text. Fonts whose text may be right are left alone. Returns null when there is nothing to recover.
 */
export function recoverCodes(pdfium: Pdfium, textPage: number): RecoveredCodes | null {
  const { fpdf } = pdfium;
  const maps = new Map<number, CodeMap>();
  for (const [font, used] of usedFonts(pdfium, textPage)) {
    const isUnmapped = used.unmapped > used.codes.length / 2;
    if (!isUnmapped && judgeText(textOf(used.codes)).garbled < 0.5) {
      continue;
    }
    const map = (isUnmapped ? tableOf(pdfium, font, used) : null) ?? guessCodeMap(used.codes);
    if (map !== null) {
      maps.set(font, map);
    }
  }
  if (maps.size === 0) {
    return null;
  }
  return {
    characterOf: (object, code) => maps.get(fpdf.FPDFTextObj_GetFont(object))?.(code) ?? code,
  };
}

function usedFonts(pdfium: Pdfium, textPage: number): Map<number, UsedFont> {
  const { fpdf, scratch } = pdfium;
  const fonts = new Map<number, UsedFont>();
  const total = fpdf.FPDFText_CountChars(textPage);
  let current: UsedFont | null = null;
  for (let index = 0; index < total; index++) {
    const object = fpdf.FPDFText_GetTextObject(textPage, index);
    if (object === 0) {
      current?.codes.push(space);
      continue;
    }
    const font = fpdf.FPDFTextObj_GetFont(object);
    current = fonts.get(font) ?? { codes: [], unmapped: 0, widths: new Map() };
    fonts.set(font, current);
    if (current.codes.length < maxJudged) {
      const code = fpdf.FPDFText_GetUnicode(textPage, index);
      current.codes.push(code);
      if (!current.widths.has(code) && fpdf.FPDFText_GetLooseCharBox(textPage, index, scratch) !== 0) {
        const [left = 0, , right = 0] = pdfium.memory.f32.subarray(scratch / 4, scratch / 4 + 3);
        current.widths.set(code, (right - left) / fpdf.FPDFText_GetFontSize(textPage, index));
      }
      current.unmapped += fpdf.FPDFText_HasUnicodeMapError(textPage, index) > 0 ? 1 : 0;
    }
  }
  return fonts;
}

/**
 * The table of an embedded font, read backwards. Null when the codes are not the numbers of its glyphs: their widths
 * differ, and the text is not convincing.
 */
function tableOf(pdfium: Pdfium, font: number, { codes, widths }: UsedFont): CodeMap | null {
  try {
    const parsed = embeddedFont(pdfium, font);
    if (parsed === null) {
      return null;
    }
    const known = new Map<number, number | undefined>();
    const map = (code: number) => {
      if (!known.has(code)) {
        const strings = code < parsed.numGlyphs ? parsed.stringsForGlyph(code) : [];
        known.set(code, strings[0]?.charCodeAt(0));
      }
      return known.get(code);
    };
    return areGlyphs(parsed, widths) || judgeText(textOf(codes, map)).isConvincing ? map : null;
  } catch {
    // Fonts in PDFs lack tables, or their tables are broken.
    return null;
  }
}

function embeddedFont(pdfium: Pdfium, font: number): Font | null {
  const { fpdf, scratch } = pdfium;
  if (fpdf.FPDFFont_GetIsEmbedded(font) !== 1 || fpdf.FPDFFont_GetFontData(font, 0, 0, scratch) === 0) {
    return null;
  }
  const size = pdfium.memory.i32[scratch / 4] ?? 0;
  const buffer = size > 0 ? fpdf.malloc(size) : 0;
  if (buffer === 0) {
    return null;
  }
  try {
    fpdf.FPDFFont_GetFontData(font, buffer, size, scratch);
    // Loaded here, because few documents need it.
    const { create } = require('fontkit') as typeof import('fontkit');
    return create(pdfium.memory.u8.slice(buffer, buffer + size));
  } finally {
    fpdf.free(buffer);
  }
}

/** True when the codes are as wide on the page as the font's glyphs of these numbers, but for one scale. */
function areGlyphs(parsed: Font, widths: ReadonlyMap<number, number>): boolean {
  const scales = [...widths]
    .filter(([code]) => code < parsed.numGlyphs)
    .map(([code, width]) => width / parsed.getGlyph(code).advanceWidth)
    .filter((scale) => scale > 0 && Number.isFinite(scale))
    .sort((one, other) => one - other);
  const scale = scales[Math.floor(scales.length / 2)] ?? 0;
  const same = scales.filter((one) => Math.abs(one - scale) <= scale * widthTolerance).length;
  return same >= minSameWidth * widths.size && new Set(widths.values()).size >= minWidths;
}
