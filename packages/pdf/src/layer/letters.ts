import { alphabets, commonCharacters } from './letterStatistics';

/**
 * What a character is, in one number, as far as a text is judged by it. Zero bits: neither letter nor wrong.
 * Bits 0 to 5 are the letter's place in its alphabet, bits 6 to 8 the alphabet plus 1, bits 9 to 14 the group.
 */
export const letterBits = 0x3f;
export const alphabetBits = 0x1c0;
export const groupBits = 0x7e00;
/** Han and Hangul. */
export const ideographBit = 0x8000;
/** An ideograph that is common in texts of its language. */
export const commonBit = 0x10000;
/** What no text has: replacement characters, private use, control characters and codes without a character. */
export const wrongBit = 0x20000;
const knownBit = 0x40000;

/**
 * Letters of one group stand side by side in a word. The groups are the scripts of the alphabets, from 1; the scripts that
 * Chinese, Japanese and Korean write side by side; and blocks of 2,048 codes.
 */
const eastAsianGroup = alphabets.length + 1;
const firstOtherGroup = eastAsianGroup + 1;
const eastAsian = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}ー々〆]/u;
/** Letters that stand in words of any script: signs of phonetics, and the apostrophes that are letters. */
const ofAnyScript = /[\p{Script=Common}\p{Script=Inherited}]/u;
const scripts = alphabets.map(({ script }) => new RegExp(`\\p{Script=${script}}`, 'u'));

const common = new Set(Array.from(commonCharacters, (character) => character.codePointAt(0)));
const classes = new Uint32Array(65_536);

/** The class of a UTF-16 code unit. A half of a character beyond 16 bits is no letter. */
export function classOf(unit: number): number {
  const known = classes[unit] as number;
  return known === 0 ? classify(unit) : known;
}

/**
 * The logarithm of how often letters follow each other, at 4096 * (alphabet plus 1) + 64 * letter + next letter.
 * 0: as often as by chance.
 */
export const pairScores = new Float32Array(4096 * (alphabets.length + 1));

alphabets.forEach(({ letters, pairs }, alphabet) => {
  for (let index = 0; index < pairs.length; index++) {
    const at = 64 * Math.floor(index / letters) + (index % letters);
    pairScores[4096 * (alphabet + 1) + at] = ((pairs.charCodeAt(index) - 65) / 25) * 8 - 5;
  }
});

function classify(unit: number): number {
  const character = String.fromCharCode(unit);
  let bits = knownBit;
  if (unit === 0xfffd || /[\p{Cc}\p{Co}\p{Cn}]/u.test(character)) {
    bits |= wrongBit;
  }
  if (/\p{L}/u.test(character)) {
    // Accents and capitals do not count.
    const folded = character.normalize('NFKD').toLowerCase().charCodeAt(0);
    const alphabet = alphabets.findIndex(({ first, letters }) => folded >= first && folded < first + letters);
    if (alphabet >= 0) {
      bits |= (folded - (alphabets[alphabet]?.first ?? 0)) | ((alphabet + 1) << 6);
    }
    bits |= groupOf(unit, character) << 9;
  }
  if (/[\p{Script=Han}\p{Script=Hangul}]/u.test(character)) {
    bits |= ideographBit | (common.has(unit) ? commonBit : 0);
  }
  classes[unit] = bits;
  return bits;
}

function groupOf(unit: number, character: string): number {
  const script = scripts.findIndex((one) => one.test(character));
  if (script >= 0) {
    return script + 1;
  }
  if (eastAsian.test(character)) {
    return eastAsianGroup;
  }
  return ofAnyScript.test(character) ? 0 : firstOtherGroup + (unit >> 11);
}
