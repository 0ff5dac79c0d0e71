import { judgeText } from './judgeText';

/** What a font's code stands for: a UTF-16 code unit, or undefined where that is unknown. */
export type CodeMap = (code: number) => number | undefined;

/** The glyphs of fonts that follow Apple's standard order, from glyph 3 on. Most TrueType fonts do. */
const standardGlyphs =
  ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~ÄÅÇÉÑÖÜáàâäãåçéèêëíì' +
  'îïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄¤‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇŁłŠšŽž¦Ðð' +
  'ÝýÞþ−×¹²³½¼¾₣ĞğİŞşĆćČčđ';
const firstStandardGlyph = 3;
/** Encodings of one byte whose letters are read as accented Latin ones. */
const encodings = ['windows-1251', 'windows-1253', 'windows-1255', 'windows-1256', 'koi8-r'];
const shifts = Array.from({ length: 159 }, (_, index) => index - 63);
/** Among so many shifts, one looks right by chance in a short text. Texts score about 1. */
const minShiftedLetters = 40;
const minShiftedScore = 0.6;
/** Fewer different codes are no words: a sequence of genes has four. */
const minDifferent = 10;
/** White space that is drawn between words is no code of another character. It may be one now and then. */
const maxSpaceShare = 0.04;
/** The share of codes that a right map need not know. */
const maxUnknown = 0.02;
/** A less likely map must give a better text. */
const betterBy = 0.2;

/** Stands among codes for a space that the engine inferred. */
export const space = -1;

/** The text of codes. What `map` does not know is left out. */
export function textOf(codes: readonly number[], map: CodeMap = (code) => code): string {
  let text = '';
  for (const code of codes) {
    const unit = code === space ? 32 : map(code);
    text += unit === undefined ? '' : String.fromCharCode(unit);
  }
  return text;
}

/** A way in which codes may stand for characters, and the least score of a right text. */
interface PossibleMap {
  map: CodeMap;
  minScore: number;
}

/** Every way in which `count` codes that were reported as text may stand for characters, the likely ones first. */
function* possibleMaps(count: number): Generator<PossibleMap> {
  yield { map: (code) => standardGlyphs.charCodeAt(code - firstStandardGlyph) || undefined, minScore: 0 };
  yield { map: (code) => ((code & 255) << 8) | (code >> 8), minScore: 0 };
  for (const encoding of encodings) {
    const decoded = new TextDecoder(encoding).decode(Uint8Array.from({ length: 256 }, (_, byte) => byte));
    yield { map: (code) => (code < 256 ? decoded.charCodeAt(code) : undefined), minScore: 0 };
  }
  if (count >= minShiftedLetters) {
    for (const shift of shifts) {
      yield {
        map: (code) => (code + shift >= 32 && code + shift < 127 ? code + shift : undefined),
        minScore: minShiftedScore,
      };
    }
  }
}

/** Finds what the codes of a font stand for by trying: the text must be convincing. Null when no text is. */
export function guessCodeMap(codes: readonly number[]): CodeMap | null {
  const drawn = codes.filter((code) => code !== space);
  if (new Set(drawn).size < minDifferent) {
    return null;
  }
  const hasSpaces = drawn.filter((code) => code === 32).length > maxSpaceShare * drawn.length;
  let best: { map: CodeMap; score: number } | null = null;
  for (const { map, minScore } of possibleMaps(drawn.length)) {
    const unknown = drawn.filter((code) => map(code) === undefined).length;
    if (unknown > maxUnknown * drawn.length || (hasSpaces && map(32) !== 32)) {
      continue;
    }
    const { isConvincing, score } = judgeText(textOf(codes, map));
    if (isConvincing && score >= minScore && (best === null || score > best.score + betterBy)) {
      best = { map, score };
    }
  }
  return best?.map ?? null;
}
