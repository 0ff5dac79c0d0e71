import { cleanText } from '@millrace/contracts';
import { splitText } from './splitText';
import type { Piece, TextLine, TextPage } from './types';

/** The most characters of a page without form feeds. Short pages let a citation name a place. */
const pageCharacters = 3_000;

/** The font sizes of body text and of the heading levels 1 to 6, in points, as browsers show them. */
const fontSizes = [12, 24, 18, 14.5, 14, 13.9, 13.85];

/**
 * Divides pieces into pages. A page ends at a page break. A page that is full ends before the paragraph that does not fit.
 */
export function* paginate(pieces: Iterable<Piece>): Generator<TextPage> {
  let page = 1;
  let lines: TextLine[] = [];
  let characters = 0;
  for (const piece of pieces) {
    if (piece === 'page break') {
      yield newPage(page++, lines);
      lines = [];
      characters = 0;
      continue;
    }
    for (const text of splitText(normalizeSpace(piece.text), pageCharacters)) {
      if (characters > 0 && characters + text.length > pageCharacters) {
        const kept = withoutLastHeadings(lines, characters);
        if (kept.length > 0) {
          yield newPage(page++, kept);
          lines = lines.slice(kept.length);
          characters = lines.reduce((sum, line) => sum + line.text.length, 0);
        }
      }
      lines.push(lineOf(text, piece.headingLevel));
      characters += text.length;
    }
  }
  if (lines.length > 0 || page === 1) {
    yield newPage(page, lines);
  }
}

function newPage(page: number, lines: readonly TextLine[]): TextPage {
  return { page, width: 0, height: 0, lines: [...lines] };
}

/**
 * Returns the lines of a full page without the headings at its end, which belong to the text on the next page. Returns no
 * lines when all are headings, unless they are longer than a page.
 */
function withoutLastHeadings(lines: readonly TextLine[], characters: number): readonly TextLine[] {
  const last = lines.findLastIndex((line) => line.headingLevel === undefined);
  return last < 0 && characters > pageCharacters ? lines : lines.slice(0, last + 1);
}

function lineOf(text: string, headingLevel: number | undefined): TextLine {
  const box = { x0: 0, y0: 0, x1: 0, y1: 0 } as const;
  const fontSize = fontSizes[headingLevel ?? 0] ?? 12;
  const line: TextLine = { text, ...box, fontSize, bold: headingLevel !== undefined };
  return headingLevel === undefined ? line : { ...line, headingLevel };
}

/** Replaces each run of white space and control characters by a tab if it contains one, otherwise by a space. */
function normalizeSpace(text: string): string {
  // Each run is matched once, as a whole. A pattern for spaces before a tab would take time quadratic in their number.
  return cleanText(text)
    .replace(/[\s\p{Cc}]+/gu, (space) => (space.includes('\t') ? '\t' : ' '))
    .trim();
}
