import { pairHash } from './wordHash';

/** The length of a Hadamard block: a power of four. */
const blockLength = 256;

/** After two rounds every component depends on every other. */
const rounds = 2;

/**
 * A fixed rotation of vectors: the randomized Hadamard transform (Ailon and Chazelle: The Fast Johnson-Lindenstrauss
 * Transform, SIAM J. Comput. 2009). Each of two rounds permutes the components, flips some of their signs, and
 * transforms each block of 256.
 * Angles and lengths do not change. The information of a vector is spread evenly over its components, so the sign of each
 * component carries as much as any other. An index with one bit a dimension needs that.
 * The operations are additions and products of doubles in a fixed order, so every machine gives the same result.
 */
export class Rotation {
  /** For each round, the component that comes to each place. */
  private readonly sources: Uint32Array[] = [];
  private readonly signs: Int8Array[] = [];
  private readonly length: number;

  /** @param length The length of the vectors, a multiple of 256. */
  constructor(length: number) {
    if (length % blockLength !== 0) {
      throw new RangeError(`The length of rotated vectors must be a multiple of ${blockLength}, not ${length}.`);
    }
    this.length = length;
    for (let round = 0; round < rounds; round++) {
      this.sources.push(permutation(length, round));
      this.signs.push(Int8Array.from({ length }, (_, i) => (pairHash(round, ~i) & 0x10000 ? 1 : -1)));
    }
  }

  /** Returns the rotated vector as a new array. */
  rotate(vector: Float64Array): Float64Array {
    let from = vector;
    for (let round = 0; round < rounds; round++) {
      const to = new Float64Array(this.length);
      const sources = this.sources[round] as Uint32Array;
      const signs = this.signs[round] as Int8Array;
      for (let i = 0; i < to.length; i++) {
        to[i] = (signs[i] as number) * (from[sources[i] as number] as number);
      }
      for (let start = 0; start < to.length; start += blockLength) {
        hadamard(to, start);
      }
      from = to;
    }
    return from;
  }
}

/** Applies the orthonormal Walsh-Hadamard transform to a block in place. Two stages are done at once, which takes half the time. */
function hadamard(vector: Float64Array, from: number): void {
  const to = from + blockLength;
  for (let step = 1; step < blockLength; step *= 4) {
    for (let start = from; start < to; start += 4 * step) {
      for (let i = start; i < start + step; i++) {
        const a = vector[i] as number;
        const b = vector[i + step] as number;
        const c = vector[i + 2 * step] as number;
        const d = vector[i + 3 * step] as number;
        vector[i] = a + b + (c + d);
        vector[i + step] = a - b + (c - d);
        vector[i + 2 * step] = a + b - (c + d);
        vector[i + 3 * step] = a - b - (c - d);
      }
    }
  }
  const scale = 1 / Math.sqrt(blockLength);
  for (let i = from; i < to; i++) {
    vector[i] = (vector[i] as number) * scale;
  }
}

/** Returns 0 to length - 1 in a fixed random order for each round (Fisher-Yates shuffle). */
function permutation(length: number, round: number): Uint32Array {
  const places = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = pairHash(round, i) % (i + 1);
    [places[i], places[j]] = [places[j] as number, places[i] as number];
  }
  return places;
}
