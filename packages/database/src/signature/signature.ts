import { rotate } from './rotation';

/**
 * A component's thresholds are this many standard deviations below and above its mean. They divide normally distributed
 * values into three parts of the same size.
 */
const thresholdDeviations = 0.43;

/** The least variance around the mean. Without it all bits of nearly equal vectors would depend on rounding. */
const minVariance = 0.01;

/** Returns the number of bits of a signature: two for each dimension. */
export function signatureBits(dimensions: number): number {
  return 2 * dimensions;
}

/**
 * Makes signatures: bits that are near in Hamming distance when their vectors are near.
 *
 * The vectors of a model have a large common part, which says nothing about their differences, and most of their variance
 * is in few directions. So the mean is subtracted, and the rest is rotated by a fixed random rotation. Then all components
 * have about the same variance, and each is compared with two thresholds. Signatures are comparable only when they were
 * made with the same mean. Decision 0024 has the measurements.
 */
export class Signer {
  /** The squared length of the mean. */
  private readonly meanSquare: number;

  /** @param mean the mean of the vectors, or null for zero. */
  constructor(private readonly mean: Float32Array | null) {
    this.meanSquare = mean?.reduce((sum, component) => sum + component * component, 0) ?? 0;
  }

  /** Returns the signature of a vector of unit length. The first bit is the highest one of the first byte. */
  sign(vector: Float32Array): Buffer {
    const { mean } = this;
    const dimensions = vector.length;
    const rest = new Float64Array(vector);
    if (mean !== null) {
      for (let i = 0; i < dimensions; i += 1) {
        rest[i] = (rest[i] as number) - (mean[i] as number);
      }
    }
    rotate(rest);
    // The squares of a unit vector's components sum to 1.
    const variance = Math.max(1 - this.meanSquare, minVariance) / dimensions;
    return packed(rest, thresholdDeviations * Math.sqrt(variance));
  }
}

/** Returns two bits for each value: whether it is above minus the threshold, and whether it is above the threshold. */
function packed(values: Float64Array, threshold: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(signatureBits(values.length) / 8));
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    const bits = (value > -threshold ? 2 : 0) + (value > threshold ? 1 : 0);
    bytes[i >> 2] = (bytes[i >> 2] as number) | (bits << (6 - 2 * (i & 3)));
  }
  return bytes;
}
