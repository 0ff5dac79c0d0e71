/** One word or number of a text, in its normal form. */
export interface Token {
  kind: 'word' | 'number';
  /** A word is in lower case, without apostrophes. A number has no thousands separators and no trailing zeros. */
  text: string;
}

/** Invisible characters that typesetting puts into words. */
const invisible = /[\u00ad\u200b-\u200d\u2060\ufeff]/g;

/** Han and kana are written without spaces. Each character is a word, and neighbours are word pairs. */
const ideograph = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]/;
const ideographs = new RegExp(ideograph, 'g');

/** Initials with points (u.s.), words with an inner apostrophe, and numbers such as 46,298.50. */
const pattern = /((?:\p{L}\.){2,})|(\p{L}[\p{L}\p{M}]*(?:['\u2019]\p{L}+)?)|(\p{Nd}+(?:,\p{Nd}{3})*(?:\.\p{Nd}+)?)/gu;

/**
 * Yields the words and numbers of a text in order, and nothing else. Letters and digits are separate tokens ("FY2023" is
 * "fy", "2023"). A number is one token, with or without thousands separators ("$46,298" is "46298"). Ligatures and wide
 * forms become plain letters.
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
