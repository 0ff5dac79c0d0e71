import type { PageText } from '../types';
import { judgeText } from './judgeText';

/** From this share of garbled or unmapped characters on, the text layer of a page is in doubt. */
const maxGarbled = 0.2;
const maxUnmapped = 0.3;
/** The score of letters from which on even a short text is likely one. */
const likelyScore = 0.5;
/** The share of pieces of three characters that two readings of one page have in common. */
const minAgreement = 0.5;
/** The share of the characters of a wrong layer that another reading must find. OCR finds no rules and no leaders. */
const minFound = 0.3;
const fewCharacters = 20;

type Layer = Pick<PageText, 'text'>;

/** The characters of a text, white space not counted. */
export function charactersOf({ text }: Layer): number {
  return text.replace(/\s+/gu, '').length;
}

/** True when the page's text layer cannot be right as it is, or the engine only has codes for most of it. */
export function isInDoubt({ text, unmapped }: PageText): boolean {
  const { garbled, isConvincing } = judgeText(text);
  return garbled >= maxGarbled || (unmapped >= maxUnmapped && !isConvincing);
}

/** True when a page has a few signs and hardly a letter or digit: perhaps codes, or just ornaments. */
export function isOdd(layer: Layer): boolean {
  const characters = Array.from(layer.text.replace(/\s+/gu, ''));
  const readable = characters.filter((character) => /[\p{L}\p{N}]/u.test(character)).length;
  return characters.length < fewCharacters && readable < characters.length / 2 && new Set(characters).size > 3;
}

/** True when a reading with codes that are known now is less garbled. The alphabet itself looks garbled in any reading. */
export function isLessGarbled(recovered: Layer, layer: Layer): boolean {
  const { garbled } = judgeText(recovered.text);
  return garbled < maxGarbled || garbled < judgeText(layer.text).garbled;
}

/** True when another reading of a page whose text layer is in doubt is the better one. */
export function isBetterReading(other: Layer, layer: Layer): boolean {
  const { garbled, isConvincing, score } = judgeText(other.text);
  if (charactersOf(other) < minFound * charactersOf(layer)) {
    return false;
  }
  return isConvincing || (garbled === 0 && score >= likelyScore && score > judgeText(layer.text).score);
}

/** True when two readings of a page have most of their text in common. */
export function doAgree(one: Layer, other: Layer): boolean {
  const ones = piecesOf(one);
  const others = piecesOf(other);
  const shared = [...ones].filter((piece) => others.has(piece)).length;
  return shared >= minAgreement * Math.max(1, Math.min(ones.size, others.size));
}

/** True when what OCR found may replace a layer that is in doubt. */
export function isReadable(recognized: Layer, layer: Layer): boolean {
  const found = charactersOf(recognized);
  return found >= 3 && found >= minFound * charactersOf(layer) && judgeText(recognized.text).garbled < maxGarbled;
}

function piecesOf({ text }: Layer): Set<string> {
  const folded = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  const pieces = new Set(folded.length > 0 && folded.length < 3 ? [folded] : []);
  for (let at = 0; at + 3 <= folded.length; at++) {
    pieces.add(folded.slice(at, at + 3));
  }
  return pieces;
}
