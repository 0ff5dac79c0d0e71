import { cleanText } from '@millrace/contracts';
import { maxPiece, type Piece, type TextLine, type TextPage } from './types';

/** A page without a form feed ends before it has more characters than this, so that a citation still names a place. */
const pageCharacters = 3_000;

/** Font sizes by heading level, as browsers show them; the first is running text's. */
const sizes = [12, 24, 18, 14.5, 14, 13.9, 13.85];

/** Puts pieces on pages: a page ends where a piece says so, else at the border of a paragraph. */
export function* paginate(pieces: Iterable<Piece>): Generator<TextPage> {
  let page = 1;
  let lines: TextLine[] = [];
  let characters = 0;
  for (const piece of pieces) {
    if (piece === 'page break') {
      yield { page: page++, width: 0, height: 0, lines };
      lines = [];
      characters = 0;
      continue;
    }
    for (const text of cut(tidy(piece.text), pageCharacters)) {
      if (characters > 0 && characters + text.length > pageCharacters) {
        const kept = fullPage(lines, characters);
        if (kept.length > 0) {
          yield { page: page++, width: 0, height: 0, lines: [...kept] };
          lines = lines.slice(kept.length);
          characters = lines.reduce((sum, line) => sum + line.text.length, 0);
        }
      }
      lines.push(lineOf(text, piece.headingLevel));
      characters += text.length;
    }
  }
  if (lines.length > 0 || page === 1) {
    yield { page, width: 0, height: 0, lines };
  }
}

/** Of lines that fill a page, those without the headings of what comes next; headings alone only fill a page themselves. */
function fullPage(lines: readonly TextLine[], characters: number): readonly TextLine[] {
  const last = lines.findLastIndex((line) => line.headingLevel === undefined);
  return last < 0 && characters > pageCharacters ? lines : lines.slice(0, last + 1);
}

function lineOf(text: string, headingLevel: number | undefined): TextLine {
  const place = { x0: 0, y0: 0, x1: 0, y1: 0 } as const;
  const fontSize = sizes[headingLevel ?? 0] ?? 12;
  const line: TextLine = { text, ...place, fontSize, bold: headingLevel !== undefined };
  return headingLevel === undefined ? line : { ...line, headingLevel };
}

/** Text for one line: without control characters, spaces folded, tabs between cells kept. */
function tidy(text: string): string {
  // Each run is matched once, whole: a pattern for spaces that lead to a tab would take the square of their number.
  return cleanText(text)
    .replace(/[\s\p{Cc}]+/gu, (space) => (space.includes('\t') ? '\t' : ' '))
    .trim();
}

/** Parts of at most `limit` characters, cut at spaces where there are any. */
export function* cut(text: string, limit = maxPiece): Generator<string> {
  let from = 0;
  while (text.length - from > limit) {
    // Only in this part: where there is none, the search would go back to the beginning each time.
    const space = text.slice(from, from + limit + 1).lastIndexOf(' ');
    let to = from + (space > 0 ? space : limit);
    // Not between the halves of a surrogate pair.
    if (/[\uD800-\uDBFF]/.test(text[to - 1] ?? '')) {
      to--;
    }
    yield text.slice(from, to);
    from = text[to] === ' ' ? to + 1 : to;
  }
  if (from < text.length) {
    yield text.slice(from);
  }
}
