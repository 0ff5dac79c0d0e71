import { sortVisualRows } from './bidi/visualRows';
import { removeCopies } from './clean/copies';
import { removeHiddenCopies } from './clean/hiddenCopies';
import { isRightToLeft } from './codePoints';
import type { DraftLine } from './lines/draftLine';
import { findFragments, haveOverlap, joinFragments } from './lines/fragments';
import { LineBuilder } from './lines/lineBuilder';
import type { PageCharacters } from './pageCharacters';

/**
 * Builds the lines of a page. On nearly all pages the order of drawing is the order of reading within a line, and one pass is
 * enough. Where the lines that it makes lie over each other or continue each other, the letters are put in order by their places,
 * without copies, and the lines are built again.
 */
export function readDrafts(characters: PageCharacters): DraftLine[] {
  removeHiddenCopies(characters);
  const isPageFromRight = characters.hasRightToLeft && hasMostFromRight(characters);
  if (characters.hasRightToLeft) {
    sortVisualRows(characters);
  }
  const build = () => new LineBuilder(characters, isPageFromRight);
  let builder = build();
  let lines = builder.build();
  let sets = findFragments(lines);
  if ((builder.hasCopies || sets.some(haveOverlap)) && removeCopies(characters)) {
    builder = build();
    lines = builder.build();
    sets = findFragments(lines);
  }
  return joinFragments(characters, lines, sets) ? build().build() : lines;
}

function hasMostFromRight(characters: PageCharacters): boolean {
  let balance = 0;
  for (let index = 0; index < characters.count; index++) {
    if (characters.isGlyph(index)) {
      const code = characters.code[index] as number;
      balance += isRightToLeft(code) ? 1 : code >= 0x41 && code <= 0x24f ? -1 : 0;
    }
  }
  return balance > 0;
}
