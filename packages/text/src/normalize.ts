import { cleanText } from '@millrace/contracts';

/** Characters that have no width and no meaning in a search: soft hyphen, word joiner and byte order mark. */
const invisible = /[\u00AD\u2060\uFEFF]/gu;
/** White space and control characters in a line of code, other than single spaces and tabs. */
const oddCodeSpace = /[^\S \t]|\p{Cc}/gu;
/** More white space in a line of code is cut, in characters. Indentations are shorter. */
const maxCodeSpace = 200;
const longCodeSpace = new RegExp(`([ \\t]{${maxCodeSpace}})[ \\t]+`, 'gu');

/** Returns the text of a title: in one line, and without invisible characters. */
export function normalizeTitle(text: string): string {
  return withoutInvisible(text).replace(/\s+/gu, ' ').trim();
}

/** Replaces each run of white space and control characters by a tab if it contains one, otherwise by a space. */
export function normalizeSpace(text: string): string {
  // Each run is matched once, as a whole. A pattern for spaces before a tab would take time quadratic in their number.
  return withoutInvisible(text)
    .replace(/[\s\p{Cc}]+/gu, (space) => (space.includes('\t') ? '\t' : ' '))
    .trim();
}

/** Returns the line of the cells of a table row. The empty cells at its end are left out. */
export function rowOf(cells: readonly string[]): string {
  return cells
    .map((cell) => normalizeSpace(cell).replaceAll('\t', ' '))
    .join('\t')
    .trimEnd();
}

/** Returns a line of code with its indentation. */
export function normalizeCode(text: string): string {
  return withoutInvisible(text)
    .replace(oddCodeSpace, (space) => (space === '\t' ? '\t' : ' '))
    .replace(longCodeSpace, '$1')
    .trimEnd();
}

function withoutInvisible(text: string): string {
  return cleanText(text).replace(invisible, '');
}
