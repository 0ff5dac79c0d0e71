/** Returns normally distributed numbers, the same ones every time (xorshift, Box and Muller). */
export function randomNormals(): () => number {
  let state = 12_345;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
}

/** The length of the part that all vectors have in common, of 1. */
const commonLength = 0.8;

/** How many times larger the first component's deviation is than the last one's, as a power of e. */
const decay = 6;

/**
 * Makes unit vectors like those of neural models: each is a large part that all have in common, and a rest around one of a
 * hundred topics whose variance is in few directions.
 */
export function vectorsWithCommonPart(count: number, dimensions: number): Float32Array[] {
  const normal = randomNormals();
  const unit = (vector: Float64Array) => {
    const length = Math.hypot(...vector);
    return vector.map((component) => component / length);
  };
  const common = unit(Float64Array.from({ length: dimensions }, normal));
  const skewed = () =>
    Float64Array.from({ length: dimensions }, (_, i) => normal() * Math.exp((-decay * i) / dimensions));
  const topics = Array.from({ length: 100 }, skewed);
  return Array.from({ length: count }, (_, n) => {
    const topic = topics[n % topics.length] ?? common;
    const rest = unit(skewed().map((component, i) => component + (topic[i] ?? 0)));
    const restLength = Math.sqrt(1 - commonLength ** 2);
    const sum = rest.map((component, i) => commonLength * (common[i] ?? 0) + restLength * component);
    return Float32Array.from(unit(sum));
  });
}

/** Returns in how many bits the two differ. */
export function hammingDistance(one: Buffer, other: Buffer): number {
  return one.reduce((sum, byte, i) => sum + (byte ^ (other[i] ?? 0)).toString(2).replaceAll('0', '').length, 0);
}
