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
const pattern = /((?:\p{L}\.){2,})|(\p{L}[\p{L}\p{M}]*(?:['\u2019]\p{L}+)?)|(\p{Nd}+(?:,\p{Nd}{3})*(?:\.\p{Nd}+)?)/uy;

/** The kinds of ASCII characters. */
const other = 0;
const letter = 1;
const digit = 2;
const kinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[a-z]/i.test(character) ? letter : /[0-9]/.test(character) ? digit : other;
});

/**
 * Returns the words and numbers of a text in order, and nothing else. Letters and digits are separate tokens ("FY2023" is
 * "fy", "2023"). A number is one token, with or without thousands separators ("$46,298" is "46298"). Ligatures and wide
 * forms become plain letters.
 */
export function tokens(text: string): Token[] {
  const plain = plainText(text);
  const found: Token[] = [];
  let at = 0;
  while (at < plain.length) {
    const kind = kinds[plain.charCodeAt(at)];
    const end = kind === letter || kind === digit ? plainEnd(plain, at, kind) : 0;
    if (kind === other) {
      at++;
    } else if (end > 0) {
      found.push({ kind: kind === digit ? 'number' : 'word', text: plain.slice(at, end) });
      at = end;
    } else {
      pattern.lastIndex = at;
      const match = pattern.exec(plain);
      if (match === null) {
        at += (plain.codePointAt(at) as number) > 0xffff ? 2 : 1;
      } else {
        found.push(tokenOf(match));
        at = pattern.lastIndex;
      }
    }
  }
  return found;
}

/**
 * The end of the run of ASCII letters or digits at `start`, if nothing after it can belong to its token. Most tokens are such
 * runs, and the pattern takes five times as long. 0 when only the pattern can tell.
 */
function plainEnd(plain: string, start: number, kind: number): number {
  let end = start + 1;
  while (kinds[plain.charCodeAt(end)] === kind) {
    end++;
  }
  if (end === plain.length) {
    return end;
  }
  const next = plain.charCodeAt(end);
  const isPoint = next === 0x2e;
  const mayGoOn = kind === letter ? next === 0x27 || (isPoint && end === start + 1) : next === 0x2c || isPoint;
  return next >= 128 || mayGoOn ? 0 : end;
}

function tokenOf([whole, initials, word]: RegExpExecArray): Token {
  if (initials !== undefined) {
    return { kind: 'word', text: initials.replaceAll('.', '') };
  }
  return word !== undefined
    ? { kind: 'word', text: withoutApostrophe(word) }
    : { kind: 'number', text: plainNumber(whole) };
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
