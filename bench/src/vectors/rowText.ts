import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Corpus } from './corpus';

/** The least number of words. Whole sentences make it about 150. */
const wordsOfARow = 130;
/** The words of a run of consecutive sentences. Three or four runs make a row. */
const wordsOfARun = 36;
/** How far apart the runs from one place begin, in sentences. */
const reach = 40;
const shareFromElsewhere = 25;
const shareOfFiguresChanged = 40;

/** What a text is for. Queries are made from other random numbers than rows, so they are in no set. */
type Purpose = 0x51ed270b | 0x2c1b3c6d | 0x297a2d39;
const rowPurpose: Purpose = 0x51ed270b;
const passagePurpose: Purpose = 0x2c1b3c6d;
const fragmentPurpose: Purpose = 0x297a2d39;

/**
 * Makes the text of a row: about 150 words of runs of consecutive sentences, most of them from one place in one document,
 * with some figures changed. It depends only on the corpus and the row's number.
 */
export function rowText(corpus: Corpus, row: number): string {
  return textOf(corpus, randomOf(row, rowPurpose));
}

/** Makes a passage like the rows, but none of them. */
export function passageText(corpus: Corpus, number: number): string {
  return textOf(corpus, randomOf(number, passagePurpose));
}

/** Makes a fragment: 8 to 20 consecutive words of one sentence, or the whole sentence if it has fewer. */
export function fragmentText(corpus: Corpus, number: number): string {
  const random = randomOf(number, fragmentPurpose);
  const { sentences, at } = pickPlace(corpus, random);
  const words = (sentences[at] ?? '').split(' ');
  const length = Math.min(words.length, uniformInt(random, 8, 20));
  const from = uniformInt(random, 0, words.length - length);
  return words.slice(from, from + length).join(' ');
}

function textOf(corpus: Corpus, random: RandomGenerator): string {
  const home = pickPlace(corpus, random);
  const runs: string[] = [];
  for (let words = 0; words < wordsOfARow; ) {
    const isAway = runs.length > 0 && uniformInt(random, 1, 100) <= shareFromElsewhere;
    const { sentences, at } = isAway ? pickPlace(corpus, random) : home;
    const near = isAway || runs.length === 0 ? at : at + uniformInt(random, -reach, reach);
    const run = runFrom(sentences, Math.min(sentences.length - 1, Math.max(0, near)));
    words += wordCount(run);
    runs.push(run);
  }
  return changeFigures(runs.join(' '), random);
}

function runFrom(sentences: readonly string[], from: number): string {
  const run: string[] = [];
  for (let at = from, words = 0; words < wordsOfARun && at < sentences.length; at += 1) {
    const sentence = sentences[at] ?? '';
    run.push(sentence);
    words += wordCount(sentence);
  }
  return run.join(' ');
}

/** Picks any sentence of any document with equal probability. */
function pickPlace({ documents }: Corpus, random: RandomGenerator): { sentences: readonly string[]; at: number } {
  const count = documents.reduce((sum, sentences) => sum + sentences.length, 0);
  let at = uniformInt(random, 0, count - 1);
  for (const sentences of documents) {
    if (at < sentences.length) {
      return { sentences, at };
    }
    at -= sentences.length;
  }
  throw new Error('The corpus has no sentences.');
}

/** Replaces the digits of some numbers. */
function changeFigures(text: string, random: RandomGenerator): string {
  return text.replace(/\d[\d,.]*\d|\d/g, (figure) =>
    uniformInt(random, 1, 100) <= shareOfFiguresChanged
      ? figure.replace(/\d/g, () => String(uniformInt(random, 1, 9)))
      : figure,
  );
}

function wordCount(text: string): number {
  return text.split(' ').length;
}

/** Mixes the seed's bits first (MurmurHash3's finish): similar seeds give the generator similar first numbers. */
function randomOf(number: number, purpose: Purpose): RandomGenerator {
  let seed = number ^ purpose;
  seed = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  seed = Math.imul(seed ^ (seed >>> 13), 0xc2b2ae35);
  return xoroshiro128plus(seed ^ (seed >>> 16));
}
