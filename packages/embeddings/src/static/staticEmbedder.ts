import stem from 'wink-porter2-stemmer';
import { Rotation } from './rotation';
import { rowOf, type StaticTable, unknownRow } from './staticTable';
import { type Token, tokens } from './tokens';
import { featureHash, pairHash } from './wordHash';

export const hashedDimensions = 668;

/**
 * Share of the averaged part in the squared length, before what all texts have in common is taken off. Measured on questions
 * about company filings together with exact phrases out of them: above, phrases and figures lose with every step; below,
 * questions do.
 */
const averageShare = 0.5;

/** Of the averaged part, how much is taken to be common to all texts: measured, some nine tenths are. */
const commonShare = 0.85;

/** Arora's a for the average: 1e-4, at the lower end of the paper's range, ranked best within and across documents. */
const averageSmoothing = 1e-4;
/** The same weight for hashed features, gentler: a harder one lets accidental rare words outweigh the topic. */
const hashSmoothing = 1e-3;

/** Filings are full of figures: at a word's weight the numbers of one table drown the words around it. */
const yearWeight = 0.7;
const numberWeight = 0.3;
const pairWeight = 0.5;

/** BM25's k1: the tenth occurrence of a word in a chunk says little more than the third. */
const countSaturation = 1.2;

/** Longer runs of letters are no words, and the stemmer's expressions take quadratic time on them. */
const longestStemmed = 64;

/**
 * Text to vector without a model server: the joined, separately normalized parts
 * - smooth-inverse-frequency average of word vectors (Arora, Liang, Ma: A Simple but Tough-to-Beat Baseline for
 *   Sentence Embeddings, ICLR 2017): each word weighs a / (a + p(word)), p from its frequency rank by the
 *   Zipf-Mandelbrot law. Its common part, which the average word gives, is taken off (Mu, Viswanath: All-but-the-Top,
 *   ICLR 2018, remove the mean of the word vectors);
 * - signed feature hashing (Weinberger et al.: Feature Hashing for Large Scale Multitask Learning, ICML 2009) of
 *   stemmed words, numbers and pairs of neighbours, so that names, figures and exact wording count.
 * The whole is rotated, so that vector indexes that keep one bit a dimension can tell texts apart.
 * Only additions, products, quotients and square roots of doubles in a fixed order: every machine gets the same.
 */
export class StaticEmbedder {
  readonly dimensions: number;
  private readonly table: StaticTable;
  /** Weight of a row's bytes in the average: its rarity times the scale of its bytes. */
  private readonly averageWeights: Float32Array;
  private readonly hashWeights: Float32Array;
  /** What the averaged part of any text is expected to have. */
  private readonly common: Float64Array;
  private readonly rotation: Rotation;

  constructor(table: StaticTable) {
    this.table = table;
    this.dimensions = table.dimensions + hashedDimensions;
    this.averageWeights = new Float32Array(table.words);
    this.hashWeights = new Float32Array(table.words);
    for (let row = 0; row < table.words; row++) {
      this.averageWeights[row] = rarity(row, averageSmoothing) * (table.scales[row] ?? 0);
      // A stem is as common as the most common of its words, whichever of them stands in the text.
      this.hashWeights[row] = rarity(table.stemRanks[row] ?? row, hashSmoothing);
    }
    this.common = this.expectedAverage();
    this.rotation = new Rotation(this.dimensions);
  }

  /** The vector of `text`, `dimensions` long and never zero; of any length. */
  embed(text: string): Float64Array {
    const width = this.table.dimensions;
    const vector = new Float64Array(this.dimensions);
    const average = vector.subarray(0, width);
    const hashed = vector.subarray(width);
    const features = new Features();
    let previous: { hash: number; weight: number } | undefined;
    for (const token of tokens(text)) {
      const hash = featureHash(token.text);
      const row = token.kind === 'word' ? rowOf(this.table, token.text, hash) : unknownRow;
      const feature = this.feature(token, hash, row);
      if (row !== unknownRow) {
        this.addRow(average, row);
      }
      features.add(feature.hash, feature.weight);
      if (previous) {
        features.add(pairHash(previous.hash, feature.hash), pairWeight * Math.sqrt(previous.weight * feature.weight));
      }
      previous = feature;
    }
    features.sumInto(hashed);
    if (scale(average, Math.sqrt(averageShare))) {
      subtract(average, this.common);
    }
    if (!scale(hashed, Math.sqrt(1 - averageShare))) {
      // Nothing but symbols, or features that cancelled out: the text as a whole is the one feature.
      hashed[featureHash(text.trim()) % hashedDimensions] = Math.sqrt(1 - averageShare);
    }
    return this.rotation.rotate(vector);
  }

  /** The weighted average of the words as often as they come in any text, as long as that much of a text's average. */
  private expectedAverage(): Float64Array {
    const { words, dimensions, vectors } = this.table;
    const sum = new Float64Array(dimensions);
    for (let row = 0; row < words; row++) {
      const weight = probability(row) * (this.averageWeights[row] as number);
      for (let i = 0; i < dimensions; i++) {
        sum[i] = (sum[i] as number) + weight * (vectors[row * dimensions + i] as number);
      }
    }
    scale(sum, commonShare * Math.sqrt(averageShare));
    return sum;
  }

  private feature(token: Token, hash: number, row: number): { hash: number; weight: number } {
    if (token.kind === 'number') {
      return { hash, weight: /^(?:19|20)\d\d$/.test(token.text) ? yearWeight : numberWeight };
    }
    if (row !== unknownRow) {
      return { hash: this.table.stemHashes[row] ?? hash, weight: this.hashWeights[row] ?? 1 };
    }
    const stemmed = token.text.length <= longestStemmed ? stem(token.text) : token.text;
    return { hash: featureHash(stemmed), weight: 1 };
  }

  private addRow(sum: Float64Array, row: number): void {
    const { vectors, dimensions } = this.table;
    const weight = this.averageWeights[row] ?? 0;
    const start = row * dimensions;
    for (let i = 0; i < dimensions; i++) {
      sum[i] = (sum[i] ?? 0) + weight * (vectors[start + i] ?? 0);
    }
  }
}

/** a / (a + p), where p is the word's probability. */
function rarity(rank: number, a: number): number {
  return a / (a + probability(rank));
}

/** How often a word comes, by its rank (from 0) after Zipf and Mandelbrot. */
function probability(rank: number): number {
  // 13.32 = ln(341,479) + 0.577, the harmonic number that makes the probabilities of the table's words sum to about 1.
  return 1 / ((rank + 2.7) * 13.32);
}

/** The distinct features of one text with their counts. */
class Features {
  private readonly place = new Map<number, number>();
  private readonly hashes: number[] = [];
  private readonly weights: number[] = [];
  private readonly counts: number[] = [];

  add(hash: number, weight: number): void {
    const place = this.place.get(hash);
    if (place === undefined) {
      this.place.set(hash, this.hashes.length);
      this.hashes.push(hash);
      this.weights.push(weight);
      this.counts.push(1);
    } else {
      this.counts[place] = (this.counts[place] ?? 0) + 1;
    }
  }

  /** Adds every feature to the dimension its hash names, with the sign its top bit names. */
  sumInto(target: Float64Array): void {
    for (const [place, hash] of this.hashes.entries()) {
      const count = this.counts[place] ?? 1;
      const value = ((this.weights[place] ?? 0) * count * (1 + countSaturation)) / (count + countSaturation);
      const dimension = (hash & 0x7fffffff) % target.length;
      target[dimension] = (target[dimension] ?? 0) + (hash >>> 31 === 1 ? -value : value);
    }
  }
}

/** Scales a vector to the given length; false when it is (all but) zero and stays as it is. */
function scale(vector: Float64Array, length: number): boolean {
  let sum = 0;
  for (const value of vector) {
    sum += value * value;
  }
  if (sum < 1e-18) {
    return false;
  }
  const factor = length / Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) {
    vector[i] = (vector[i] ?? 0) * factor;
  }
  return true;
}

function subtract(vector: Float64Array, other: Float64Array): void {
  for (let i = 0; i < vector.length; i++) {
    vector[i] = (vector[i] ?? 0) - (other[i] ?? 0);
  }
}
