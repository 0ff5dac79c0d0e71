import { cleanText } from '@millrace/contracts';

/** Characters that have no width and no meaning in a search: soft hyphen, joiners, byte order mark and marks of direction. */
const invisible = /[\u00AD\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]/gu;
/**
 * Characters without width that mean something in other scripts: where words end in Thai, and how letters join in
 * Persian and Hindi.
 */
const invisibleInWords =
  /(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}\p{P}\s]|^)[\u200B-\u200D]+|\u200B{1,16}(?=[\p{Script=Latin}\p{N}\p{P}\s]|$)/gu;
const anyInvisible = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/u;
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
  const cleaned = cleanText(text);
  return anyInvisible.test(cleaned) ? cleaned.replace(invisible, '').replace(invisibleInWords, '') : cleaned;
}
