/** One word or number of a text, in the form in which it is looked up. */
export interface Token {
  kind: 'word' | 'number';
  /** Words: lower case, without apostrophes. Numbers: digits, without thousands separators or trailing zeros. */
  text: string;
}

/** Invisible characters that typesetting leaves inside words. */
const invisible = /[\u00ad\u200b-\u200d\u2060\ufeff]/g;

/** Han and kana are written without spaces: each character stands alone, and neighbours meet as word pairs. */
const ideograph = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]/;
const ideographs = new RegExp(ideograph, 'g');

/** Initials with points (u.s.), words with an inner apostrophe, and numbers such as 46,298.50. */
const pattern = /((?:\p{L}\.){2,})|(\p{L}[\p{L}\p{M}]*(?:['\u2019]\p{L}+)?)|(\p{Nd}+(?:,\p{Nd}{3})*(?:\.\p{Nd}+)?)/gu;

/**
 * The words and numbers of a text in order; everything else is left out. Letters and digits part ("FY2023" is "fy",
 * "2023"), a number is one token however it is grouped ("$46,298" is "46298"), ligatures and wide forms are resolved.
 */
export function* tokens(text: string): Generator<Token> {
  const plain = plainText(text);
  for (const [whole, initials, word] of plain.matchAll(pattern)) {
    if (initials !== undefined) {
      yield { kind: 'word', text: initials.replaceAll('.', '') };
    } else if (word !== undefined) {
      yield { kind: 'word', text: withoutApostrophe(word) };
    } else {
      yield { kind: 'number', text: plainNumber(whole) };
    }
  }
}

function plainText(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase().replace(invisible, '');
  return ideograph.test(folded) ? folded.replace(ideographs, ' $& ') : folded;
}

/** "company's" is "company"; "don't" is "dont". */
function withoutApostrophe(word: string): string {
  const at = word.search(/['\u2019]/);
  if (at < 0) {
    return word;
  }
  const rest = word.slice(at + 1);
  return rest === 's' ? word.slice(0, at) : word.slice(0, at) + rest;
}

function plainNumber(number: string): string {
  const digits = number.replaceAll(',', '');
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
