const numberPattern = /\d+/gu;
/** A character that separates a number from the text before it. */
const divider = /[\t|•·–—\-/:([]\s*$/u;
const pageWord = /(?:^|[\s|•·–—\-/:([])(?:page|pg\.?|p\.|seite|página|pagina|стр\.)\s*$/iu;
/** What may follow a page number: nothing, a divider, or "of 12". */
const afterNumber = /^\s*(?:$|[\t|•·–—\-/)\]]|(?:of|von|de|sur|из)\s+\d)/iu;
const titleEnd = /\p{L}\S*\s+$/u;
/** Words before a number that is not a page number: "Exhibit 4" is a heading, even when each page has the next number. */
const numberedThing =
  /(?:^|\s)(?:part|chapter|appendix|exhibit|annex|item|section|article|schedule|note|table|figure|fig\.|slide|sheet|question|exercise|example|problem|lesson|unit|module|week|day|month|quarter|year|phase|step|stage|level|round|session|case|volume|vol\.|number|no\.)\s+$/iu;
const romanPattern = /^([\s\-–—]*(?:page\s+)?)([ivxlc]{1,8})([\s\-–—]*)$/iu;
/** A printed page number is larger than the number of the page in the document by at most this. */
const maxOffset = 300;

/**
 * Keys of a text with numbers. In a key, a number is replaced by its difference from the number of the page. So a line with
 * a page number has the same key on every page.
 */
export interface PageNumberKeys {
  /** For numbers that are separate from the rest of the text. */
  strong: string[];
  /** For numbers at the end of a title. They may be part of the title. */
  weak: string[];
  /** The keys that the same numbers have without the rest of the text, as on the first page of a chapter. */
  bare: string[];
}

/** Returns the keys of a text on page `page`. `prefix` is the beginning of each key. */
export function pageNumberKeys(prefix: string, text: string, page: number): PageNumberKeys {
  const keys: PageNumberKeys = { strong: [], weak: [], bare: [] };
  const roman = romanPattern.exec(text);
  if (roman !== null) {
    keys.strong.push(`${prefix} ${roman[1]}#${romanValue(roman[2] ?? '') - page}${roman[3]}`);
    return keys;
  }
  for (const { 0: digits, index } of text.matchAll(numberPattern)) {
    const before = text.slice(0, index);
    const after = text.slice(index + digits.length);
    const offset = Number(digits) - page;
    const isSeparate = isSeparateNumber(before, after);
    const endsTitle = after.trim() === '' && titleEnd.test(before) && !numberedThing.test(before);
    if (offset <= maxOffset && (isSeparate || endsTitle)) {
      (isSeparate ? keys.strong : keys.weak).push(`${prefix} ${before}#${offset}${after}`);
      if (before !== '' || after !== '') {
        keys.bare.push(`${prefix} #${offset}`);
      }
    }
  }
  return keys;
}

/** True for a number that is the whole text, comes first in it, or follows a divider or a word such as "page". */
function isSeparateNumber(before: string, after: string): boolean {
  if (before.trim() === '') {
    return afterNumber.test(after) || /^\s+\p{L}/u.test(after);
  }
  return (divider.test(before) || pageWord.test(before)) && afterNumber.test(after);
}

const romanDigits: Record<string, number> = { i: 1, v: 5, x: 10, l: 50, c: 100 };

function romanValue(numeral: string): number {
  let value = 0;
  let last = 0;
  for (const character of [...numeral.toLowerCase()].reverse()) {
    const digit = romanDigits[character] ?? 0;
    value += digit < last ? -digit : digit;
    last = Math.max(last, digit);
  }
  return value;
}
