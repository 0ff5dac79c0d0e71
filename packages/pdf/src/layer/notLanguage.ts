const otherScript = /[^\P{L}\p{Script=Latin}\p{Script=Greek}]/u;
/** A text in any language that is written in an alphabet has more different letters: Rotokas has 12. Genes and hexadecimal numbers have fewer. */
const maxFewLetters = 8;
const minLetters = 20;
/** Proteins are written with twenty letters. The six others are more than a hundredth of any text, whatever they stand for. */
const noAminoAcid = /[BJOUXZ]/giu;
const maxOthers = 0.01;
const minSequence = 60;
/**
 * How likely two letters or digits of a text are the same. Exchanging letters for others does not change it: texts have 0.05 to
 * 0.08. Keys and base64 have 1/16 to 1/64, because nobody prefers a letter.
 */
const maxCoincidence = 0.048;
/** Signs that keys and base64 do not have. Where codes are wrong, they are letters: "6<67(06". */
const otherSigns = /[^\p{L}\p{N}\s\-_+/=.,:]/gu;
const maxOtherSigns = 0.05;
/** Keys and base64 have capitals, small letters and digits in any order. In words, hardly any letter is followed by such a change. */
const minMixed = 0.15;
/** The share of signs such as = + − ∂ ∑ in formulas. */
const minOperators = 0.08;
/** The mean length of runs of letters in formulas, and the share of Greek letters from which on it counts. */
const maxSymbolRun = 4;
const minGreek = 0.3;

/**
 * True for characters that follow each other as in no language and yet are right: keys, base64, hexadecimal numbers, sequences of
 * genes and proteins, and formulas. What only looks like one of these because its codes are wrong keeps the letter statistics of its
 * language, under other letters.
 */
export function isNotLanguage(text: string): boolean {
  const letters = text.match(/\p{L}/gu) ?? [];
  if (letters.length < minLetters || otherScript.test(text)) {
    return false;
  }
  return isCode(text, letters) || isFormula(text, letters);
}

function isCode(text: string, letters: readonly string[]): boolean {
  if (new Set(letters).size <= maxFewLetters) {
    return true;
  }
  const others = text.match(noAminoAcid)?.length ?? 0;
  if ((text.match(otherSigns)?.length ?? 0) > maxOtherSigns * text.length) {
    return false;
  }
  const isSequence =
    letters.length >= minSequence && others <= maxOthers * letters.length && /^[\x20-\x7e\s]*$/u.test(text);
  return isSequence || (isMixed(text) && coincidenceOf(text.match(/[\p{L}\p{N}]/gu) ?? []) < maxCoincidence);
}

/** True when capitals, small letters and digits are side by side, or all letters are capitals. */
function isMixed(text: string): boolean {
  const neighbours = text.match(/[\p{L}\p{N}](?=[\p{L}\p{N}])/gu)?.length ?? 0;
  const mixed = text.match(/\p{Ll}(?=[\p{Lu}\p{N}])|\p{Lu}(?=\p{N})|\p{N}(?=\p{L})/gu)?.length ?? 0;
  return mixed >= minMixed * neighbours || !/\p{Ll}/u.test(text);
}

function isFormula(text: string, letters: readonly string[]): boolean {
  const operators = text.match(/\p{Sm}/gu)?.length ?? 0;
  if (operators >= minOperators * text.replace(/\s/gu, '').length) {
    return true;
  }
  const greek = text.match(/\p{Script=Greek}/gu)?.length ?? 0;
  const runs = text.match(/\p{L}+/gu)?.length ?? 0;
  return greek >= minGreek * letters.length && letters.length < maxSymbolRun * runs;
}

function coincidenceOf(characters: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const character of characters) {
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  let pairs = 0;
  for (const count of counts.values()) {
    pairs += count * (count - 1);
  }
  return pairs / Math.max(1, characters.length * (characters.length - 1));
}
