import { normalizeCode, normalizeSpace, rowOf } from './normalize';
import { splitText } from './splitText';
import type { Piece, TextLine, TextPage } from './types';

/** The most characters of a page without form feeds. Short pages let a citation name a place. */
export const pageCharacters = 3_000;

/** The font sizes of body text and of the heading levels 1 to 6, in points, as browsers show them. */
const fontSizes = [12, 24, 18, 14.5, 14, 13.9, 13.85];

/**
 * Divides pieces into pages. A page ends at a page break, or before the line that would make it longer than `maxCharacters`.
 */
export function* paginate(pieces: Iterable<Piece>, maxCharacters = pageCharacters): Generator<TextPage> {
  let page = 1;
  let lines: TextLine[] = [];
  let characters = 0;
  /** An empty line of code. It counts only between two other lines of code. */
  let empty: TextLine | null = null;
  for (const piece of pieces) {
    if (piece === 'page break') {
      yield newPage(page++, lines);
      lines = [];
      characters = 0;
      continue;
    }
    for (const line of linesOf(piece)) {
      if (line.text === '') {
        empty = line;
        continue;
      }
      const length = lengthOf(line);
      if (characters > 0 && characters + length > maxCharacters) {
        const kept = withoutLastHeadings(lines, characters, maxCharacters);
        if (kept.length > 0) {
          yield newPage(page++, kept);
          lines = lines.slice(kept.length);
          characters = lines.reduce((sum, kept) => sum + lengthOf(kept), 0);
        }
      }
      if (empty !== null && line.preformatted === true && lines.at(-1)?.preformatted === true) {
        lines.push(empty);
      }
      empty = null;
      lines.push(line);
      characters += length;
    }
  }
  if (lines.length > 0 || page === 1) {
    yield newPage(page, lines);
  }
}

/** The length that counts for the page. An indentation does not. */
function lengthOf({ text, preformatted }: TextLine): number {
  return preformatted === true ? text.trim().replace(/\s+/gu, ' ').length : text.length;
}

/** The lines of a piece, each of which fits on a page. */
function* linesOf(piece: Exclude<Piece, 'page break'>): Generator<TextLine> {
  if ('code' in piece) {
    const code = normalizeCode(piece.code);
    for (const text of code === '' ? [code] : splitText(code, pageCharacters)) {
      yield { ...lineOf(text, undefined), preformatted: true };
    }
    return;
  }
  const [text, headingLevel] =
    'cells' in piece ? [rowOf(piece.cells), undefined] : [normalizeSpace(piece.text), piece.headingLevel];
  for (const part of splitText(text, pageCharacters)) {
    yield lineOf(part, headingLevel);
  }
}

function newPage(page: number, lines: readonly TextLine[]): TextPage {
  return { page, width: 0, height: 0, lines: [...lines] };
}

/**
 * Returns the lines of a full page without the headings at its end, which belong to the text on the next page. Returns no
 * lines when all are headings, unless they are longer than a page.
 */
function withoutLastHeadings(
  lines: readonly TextLine[],
  characters: number,
  maxCharacters: number,
): readonly TextLine[] {
  const last = lines.findLastIndex((line) => line.headingLevel === undefined);
  return last < 0 && characters > maxCharacters ? lines : lines.slice(0, last + 1);
}

function lineOf(text: string, headingLevel: number | undefined): TextLine {
  const box = { x0: 0, y0: 0, x1: 0, y1: 0 } as const;
  const fontSize = fontSizes[headingLevel ?? 0] ?? 12;
  const line: TextLine = { text, ...box, fontSize, bold: headingLevel !== undefined };
  return headingLevel === undefined ? line : { ...line, headingLevel };
}
