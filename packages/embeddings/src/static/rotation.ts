import { pairHash } from './wordHash';

/** Of the Hadamard blocks: a power of two. */
const blockLength = 256;

/** After two rounds every component depends on every other. */
const rounds = 2;

/**
 * A fixed rotation of vectors: signs flipped, components permuted, and each block of 256 through a Hadamard transform, twice
 * (the randomized Hadamard transform of Ailon and Chazelle: The Fast Johnson-Lindenstrauss Transform, SIAM J. Comput. 2009).
 * Angles and lengths stay as they are, while what a vector says is spread evenly over its components, so that the sign of
 * each says as much as that of any other: an index of one bit a dimension tells such vectors apart.
 * Additions and one product a component, in a fixed order: every machine gets the same.
 */
export class Rotation {
  private readonly places: Uint32Array[] = [];
  private readonly signs: Int8Array[] = [];
  private readonly length: number;

  /** @param length of the vectors; a multiple of 256. */
  constructor(length: number) {
    if (length % blockLength !== 0) {
      throw new RangeError(`The length of rotated vectors is a multiple of ${blockLength}, not ${length}`);
    }
    this.length = length;
    for (let round = 0; round < rounds; round++) {
      this.places.push(permutation(length, round));
      this.signs.push(Int8Array.from({ length }, (_, i) => (pairHash(round, ~i) & 0x10000 ? 1 : -1)));
    }
  }

  /** @returns the rotated vector, in memory of its own. */
  rotate(vector: Float64Array): Float64Array {
    let from = vector;
    for (let round = 0; round < rounds; round++) {
      const to = new Float64Array(this.length);
      const places = this.places[round] as Uint32Array;
      const signs = this.signs[round] as Int8Array;
      for (let i = 0; i < to.length; i++) {
        to[i] = (signs[i] as number) * (from[places[i] as number] as number);
      }
      for (let start = 0; start < to.length; start += blockLength) {
        hadamard(to.subarray(start, start + blockLength));
      }
      from = to;
    }
    return from;
  }
}

/** The orthonormal Walsh-Hadamard transform, in place. */
function hadamard(block: Float64Array): void {
  for (let half = 1; half < block.length; half *= 2) {
    for (let start = 0; start < block.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = block[i] as number;
        const b = block[i + half] as number;
        block[i] = a + b;
        block[i + half] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(block.length);
  for (let i = 0; i < block.length; i++) {
    block[i] = (block[i] as number) * scale;
  }
}

/** 0 to length - 1 in an order of their own in each round (Fisher and Yates's shuffle). */
function permutation(length: number, round: number): Uint32Array {
  const places = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = pairHash(round, i) % (i + 1);
    [places[i], places[j]] = [places[j] as number, places[i] as number];
  }
  return places;
}
