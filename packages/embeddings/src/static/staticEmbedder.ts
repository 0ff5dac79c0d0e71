import stem from 'wink-porter2-stemmer';
import { Rotation } from './rotation';
import { findRow, type StaticTable, unknownRow } from './staticTable';
import { type Token, tokens } from './tokens';
import { featureHash, pairHash } from './wordHash';

const hashedDimensions = 668;

/**
 * The share of the averaged part in the squared length, before its common part is removed. Measured on questions about
 * company filings and on exact phrases from them: a larger share finds fewer phrases and figures, a smaller share answers
 * fewer questions (docs/decisions/0004-static-embeddings.md).
 */
const averageShare = 0.5;

/** How much of the averaged part is removed as common to all texts. Measured: about nine tenths of it is common. */
const commonShare = 0.85;

/**
 * The parameter a of Arora et al. for the average. 1e-4, the low end of their range, ranked best within and across
 * documents.
 */
const averageSmoothing = 1e-4;
/** The same parameter for hashed features. A smaller value lets rare words outweigh the topic. */
const hashSmoothing = 1e-3;

/** Filings are full of figures. With the weight of words, the numbers of a table would outweigh the words around it. */
const yearWeight = 0.7;
const numberWeight = 0.3;
const pairWeight = 0.5;

/** The parameter k1 of BM25: the tenth occurrence of a word in a chunk adds little to the third. */
const countSaturation = 1.2;

/** A longer run of letters is not a word, and the stemmer's regular expressions take quadratic time on it. */
const longestStemmed = 64;

/**
 * Makes vectors of texts from word vectors and hashes. A vector has two parts, each normalized separately:
 * - The smooth-inverse-frequency average of word vectors (Arora, Liang and Ma: A Simple but Tough-to-Beat Baseline for
 *   Sentence Embeddings, ICLR 2017). A word has the weight a / (a + p), where its probability p follows from its frequency
 *   rank by the Zipf-Mandelbrot law. The part that all texts have in common is removed, as Mu and Viswanath remove the mean
 *   of the word vectors (All-but-the-Top, ICLR 2018).
 * - Signed feature hashing (Weinberger et al.: Feature Hashing for Large Scale Multitask Learning, ICML 2009) of stemmed
 *   words, numbers and pairs of neighbours, so that names, figures and exact wording count.
 *
 * The whole is rotated, because a vector index with one bit a dimension needs the information in every dimension.
 * The operations are additions, products, quotients and square roots of doubles in a fixed order, so every machine gives
 * the same vector.
 */
export class StaticEmbedder {
  readonly dimensions: number;
  private readonly table: StaticTable;
  /** The weight of a row's bytes in the average: the word's rarity times the scale of the bytes. */
  private readonly averageWeights: Float32Array;
  private readonly hashWeights: Float32Array;
  /** The part that the averages of all texts have in common. */
  private readonly commonPart: Float64Array;
  private readonly rotation: Rotation;
  private readonly features = new Features();

  constructor(table: StaticTable) {
    this.table = table;
    this.dimensions = table.dimensions + hashedDimensions;
    this.averageWeights = new Float32Array(table.words);
    this.hashWeights = new Float32Array(table.words);
    for (let row = 0; row < table.words; row++) {
      this.averageWeights[row] = rarity(row, averageSmoothing) * (table.scales[row] ?? 0);
      // A stem has the rank of its most frequent word, whichever form the text uses.
      this.hashWeights[row] = rarity(table.stemRanks[row] ?? row, hashSmoothing);
    }
    this.commonPart = this.expectedAverage();
    this.rotation = new Rotation(this.dimensions);
  }

  /** Returns a vector with `dimensions` values, never all zero. Its length is not normalized. */
  embed(text: string): Float64Array {
    const width = this.table.dimensions;
    const vector = new Float64Array(this.dimensions);
    const average = vector.subarray(0, width);
    const hashed = vector.subarray(width);
    const { features } = this;
    features.clear();
    const rows: number[] = [];
    let previous: { hash: number; weight: number } | undefined;
    for (const token of tokens(text)) {
      const hash = featureHash(token.text);
      const row = token.kind === 'word' ? findRow(this.table, token.text, hash) : unknownRow;
      const feature = this.feature(token, hash, row);
      if (row !== unknownRow) {
        rows.push(row);
      }
      features.add(feature.hash, feature.weight);
      if (previous) {
        features.add(pairHash(previous.hash, feature.hash), pairWeight * Math.sqrt(previous.weight * feature.weight));
      }
      previous = feature;
    }
    this.addRows(average, rows);
    features.sumInto(hashed);
    if (scale(average, Math.sqrt(averageShare))) {
      subtract(average, this.commonPart);
    }
    if (!scale(hashed, Math.sqrt(1 - averageShare))) {
      // The text has only symbols, or its features cancelled out. The whole text is then the one feature.
      hashed[featureHash(text.trim()) % hashedDimensions] = Math.sqrt(1 - averageShare);
    }
    return this.rotation.rotate(vector);
  }

  /** Returns the average over all words by their probability, with the length of the common part of a text's average. */
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

  /**
   * Adds the rows, each with its weight, in their order. Four components at a time are summed over all rows, because sums in
   * variables take half the time of sums in an array. The table's width is a multiple of four.
   */
  private addRows(sum: Float64Array, rows: readonly number[]): void {
    const { averageWeights } = this;
    const { vectors, dimensions } = this.table;
    for (let i = 0; i < dimensions; i += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at] as number;
        const weight = averageWeights[row] as number;
        const start = row * dimensions + i;
        a += weight * (vectors[start] as number);
        b += weight * (vectors[start + 1] as number);
        c += weight * (vectors[start + 2] as number);
        d += weight * (vectors[start + 3] as number);
      }
      sum[i] = a;
      sum[i + 1] = b;
      sum[i + 2] = c;
      sum[i + 3] = d;
    }
  }
}

/** The weight a / (a + p) of a word with probability p. */
function rarity(rank: number, a: number): number {
  return a / (a + probability(rank));
}

/** The probability of a word by its frequency rank (from 0), after the Zipf-Mandelbrot law. */
function probability(rank: number): number {
  // 13.32 = ln(341,479) + 0.577, the harmonic number of the table's size: the probabilities sum to about 1.
  return 1 / ((rank + 2.7) * 13.32);
}

/** The distinct features of one text, with their counts, in the order of their first occurrence. */
class Features {
  private size = 0;
  private hashes = new Uint32Array(1024);
  private weights = new Float64Array(1024);
  private counts = new Uint32Array(1024);
  /** A hash table with open addressing, never more than half full. An entry is the feature's place + 1, or 0 when it is empty. */
  private slots = new Uint32Array(2048);

  clear(): void {
    this.size = 0;
    this.slots.fill(0);
  }

  add(hash: number, weight: number): void {
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = (slots[slot] as number) - 1;
      if (hashes[place] === hash) {
        this.counts[place] = (this.counts[place] as number) + 1;
        return;
      }
    }
    const place = this.size++;
    hashes[place] = hash;
    this.weights[place] = weight;
    this.counts[place] = 1;
    slots[slot] = place + 1;
    if (this.size === hashes.length) {
      this.grow();
    }
  }

  /** Adds every feature to the dimension that its hash selects, with the sign of the hash's top bit. */
  sumInto(target: Float64Array): void {
    for (let place = 0; place < this.size; place++) {
      const hash = this.hashes[place] as number;
      const count = this.counts[place] as number;
      const value = ((this.weights[place] as number) * count * (1 + countSaturation)) / (count + countSaturation);
      const dimension = (hash & 0x7fffffff) % target.length;
      target[dimension] = (target[dimension] as number) + (hash >>> 31 === 1 ? -value : value);
    }
  }

  private grow(): void {
    const { hashes, weights, counts } = this;
    this.hashes = new Uint32Array(2 * hashes.length);
    this.weights = new Float64Array(2 * hashes.length);
    this.counts = new Uint32Array(2 * hashes.length);
    this.hashes.set(hashes);
    this.weights.set(weights);
    this.counts.set(counts);
    this.slots = new Uint32Array(4 * hashes.length);
    const mask = this.slots.length - 1;
    for (let place = 0; place < this.size; place++) {
      let slot = (hashes[place] as number) & mask;
      while (this.slots[slot] !== 0) {
        slot = (slot + 1) & mask;
      }
      this.slots[slot] = place + 1;
    }
  }
}

/** Scales a vector to a length in place. Returns false, and does nothing, when the vector is zero or almost zero. */
function scale(vector: Float64Array, length: number): boolean {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) {
    sum += (vector[i] as number) ** 2;
  }
  if (sum < 1e-18) {
    return false;
  }
  const factor = length / Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) {
    vector[i] = (vector[i] as number) * factor;
  }
  return true;
}

function subtract(vector: Float64Array, other: Float64Array): void {
  for (let i = 0; i < vector.length; i++) {
    vector[i] = (vector[i] as number) - (other[i] as number);
  }
}
