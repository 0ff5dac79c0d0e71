import { isReadFromRight, logicalOrder } from './bidi/logicalOrder';
import { isIdeographic, isRightToLeft, isSpace, isVisible } from './codePoints';
import { kind, type PageCharacters } from './pageCharacters';

/** A text and its place on the shown page, in points from the top left corner. */
export interface PlacedText {
  text: string;
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Points; 0 where the place decides. */
  fontSize: number;
  /** True when long lines are broken. */
  isMultiline: boolean;
}

/** The size that viewers choose where the file has none, in points, and its share of the height of one line. */
const usualSize = 12;
const shareOfHeight = 0.7;
/** The width of a character in font sizes. The right one would need the font. */
const narrow = 0.5;
const wide = 1;
const leading = 1.2;
/** The part of a character that is above the baseline, in font sizes. */
const ascent = 0.8;

/** Adds a text that the engine did not draw to the characters of a page: line by line, from the top of its place. */
export function placeText(characters: PageCharacters, place: PlacedText): void {
  const height = place.bottom - place.top;
  const width = place.right - place.left;
  if (!(width > 0 && height > 0)) {
    return;
  }
  const wished = place.fontSize > 0 ? place.fontSize : usualSize;
  const size = Math.max(1, place.isMultiline ? wished : Math.min(wished, shareOfHeight * height));
  const lines = linesOf(place, width / size);
  // All lines stay in their place, however many they are.
  const pitch = Math.min(leading * size, height / lines.length);
  const first = place.isMultiline ? place.top : (place.top + place.bottom - pitch) / 2;
  const run =
    characters.runs.push({ direction: 0, skew: 0, bold: false, size: Math.min(size, pitch), hidden: false }) - 1;
  for (const [index, line] of lines.entries()) {
    addLine(characters, line, {
      left: place.left,
      width,
      top: first + index * pitch,
      size: Math.min(size, pitch),
      run,
    });
  }
}

interface LinePlace {
  left: number;
  width: number;
  top: number;
  size: number;
  run: number;
}

function addLine(characters: PageCharacters, line: string, { left, width, top, size, run }: LinePlace): void {
  const hasRightToLeft = [...line].some((character) => isRightToLeft(character.codePointAt(0) ?? 0));
  // To put a text in the order of reading and in the order of showing is the same operation.
  const codes = [...(hasRightToLeft ? logicalOrder(line, isReadFromRight(line, false)) : line)]
    .map((character) => character.codePointAt(0) ?? 0)
    .filter((code) => isSpace(code) || isVisible(code));
  const total = codes.reduce((sum, code) => sum + widthOf(code), 0);
  const scale = Math.min(size, width / Math.max(total, narrow));
  characters.extend(codes.length + 1);
  characters.hasRightToLeft ||= hasRightToLeft;
  characters.kind[characters.count++] = kind.lineBreak;
  let at = 0;
  for (const code of codes) {
    const advance = widthOf(code) * scale;
    const index = characters.count++;
    const start = left + at;
    at += advance;
    characters.kind[index] = isSpace(code) ? kind.space : kind.glyph;
    characters.code[index] = code;
    characters.run[index] = run;
    characters.left[index] = start;
    characters.right[index] = start + advance;
    characters.top[index] = top;
    characters.bottom[index] = top + size;
    characters.baseline[index] = top + ascent * size;
  }
}

/** The lines of the text, broken between words where the place allows more than one. `width` is in font sizes. */
function linesOf({ text, isMultiline }: PlacedText, width: number): string[] {
  const lines = text.split(/\r\n|[\r\n\u2028\u2029]/u).filter((line) => line.trim() !== '');
  return isMultiline ? lines.flatMap((line) => broken(line, width)) : [lines.join(' ')];
}

function broken(line: string, width: number): string[] {
  const lines: string[] = [];
  let open = '';
  let used = 0;
  for (const [word] of line.matchAll(/\S+\s*/gu)) {
    const needed = [...word].reduce((sum, character) => sum + widthOf(character.codePointAt(0) ?? 0), 0);
    if (open !== '' && used + needed > width) {
      lines.push(open);
      open = '';
      used = 0;
    }
    open += word;
    used += needed;
  }
  return open === '' ? lines : [...lines, open];
}

function widthOf(code: number): number {
  return isIdeographic(code) ? wide : narrow;
}
