/** True for white space. */
export function isSpace(code: number): boolean {
  return (
    code === 0x20 ||
    code === 0xa0 ||
    (code >= 0x09 && code <= 0x0d) ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x1680 ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** False for control characters, joiners, byte order marks and other non-characters. PDFium marks hyphens by 0x02. */
export function isVisible(code: number): boolean {
  if (code < 0x20) {
    return code === 0x02;
  }
  if (code >= 0x7f && code < 0xa0) {
    return false;
  }
  return (
    code < 0x200b || (code !== 0x200b && code !== 0x2060 && code !== 0xfeff && code !== 0xffff && code <= 0x10ffff)
  );
}

/** True for the last character of a number in a table: a digit, "%", ")" or the dash that means zero. */
export function endsNumber(code: number): boolean {
  return isDigit(code) || code === 0x25 || code === 0x29 || isDash(code);
}

/** True for the first character of a number in a table: a digit, "$", "€", "£", "¥", "(" or a dash. */
export function beginsNumber(code: number): boolean {
  return isDigit(code) || isNumberPrefix(code) || isDash(code);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isDash(code: number): boolean {
  return code === 0x2d || code === 0x2013 || code === 0x2014 || code === 0x2212;
}

/** True for a currency sign or an opening parenthesis. */
export function isNumberPrefix(code: number): boolean {
  return code === 0x24 || code === 0x20ac || code === 0xa3 || code === 0xa5 || code === 0x28;
}

/** True for letters and punctuation of Chinese and Japanese, which are written without spaces. */
export function isIdeographic(code: number): boolean {
  return (code >= 0x2e80 && code <= 0x9fff) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xff00 && code <= 0xff9f);
}

/** The first code of a script that runs from right to left. */
export const firstRightToLeft = 0x590;

/** True for Hebrew, Arabic and other scripts that run from right to left. */
export function isRightToLeft(code: number): boolean {
  return (
    code >= firstRightToLeft &&
    (code <= 0x8ff || (code >= 0xfb1d && code <= 0xfdff) || (code >= 0xfe70 && code <= 0xfefc))
  );
}

/**
 * The code itself, or what it stands for: a bullet for the bullets that symbol fonts have in the private use area, and ordinary
 * punctuation for its forms in vertical writing.
 */
export function shownCode(code: number): number {
  if (code === 0xf0b7 || code === 0xf0a7) {
    return 0x2022;
  }
  const isVerticalForm = (code >= 0xfe10 && code <= 0xfe18) || (code >= 0xfe30 && code <= 0xfe48);
  return isVerticalForm ? (String.fromCodePoint(code).normalize('NFKC').codePointAt(0) ?? code) : code;
}

/** True for codes that need special treatment: soft hyphens, right-to-left, private use, and codes beyond 16 bits. */
export function isSpecial(code: number): boolean {
  return code >= 0x590 ? code <= 0x8ff || code >= 0xd800 : code === 0xad;
}
