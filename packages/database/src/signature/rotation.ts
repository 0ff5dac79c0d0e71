/** One transform of a part of the vector, whose size is a power of two. */
interface Step {
  from: number;
  size: number;
  /** Random signs, divided by the root of the size, which keeps the length. */
  factors: Float64Array;
}

const stepsByDimensions = new Map<number, readonly Step[]>();

/**
 * Rotates a vector in place by a fixed random rotation, which is the same in every process for the same dimensions. A
 * component's variance is spread over all components, and distances stay as they are.
 *
 * It is a randomized Hadamard transform (Ailon and Chazelle 2009, https://doi.org/10.1137/060673096). A part whose size is
 * a power of two gets random signs and is transformed, in d log d steps. Where the dimensions are not a power of two, the
 * first such part, the last one, which overlaps with it, and the first one again are transformed.
 */
export function rotate(vector: Float64Array): void {
  for (const { from, size, factors } of stepsFor(vector.length)) {
    for (let i = 0; i < size; i += 1) {
      vector[from + i] = (vector[from + i] as number) * (factors[i] as number);
    }
    transform(vector, from, from + size);
  }
}

/**
 * The Walsh-Hadamard transform of the components from `from` up to, not including, `to`. Two stages are done at once, which
 * takes half the time.
 */
function transform(vector: Float64Array, from: number, to: number): void {
  let step = 1;
  for (; 4 * step <= to - from; step *= 4) {
    for (let block = from; block < to; block += 4 * step) {
      for (let i = block; i < block + step; i += 1) {
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
  if (step < to - from) {
    for (let i = from; i < from + step; i += 1) {
      const a = vector[i] as number;
      const b = vector[i + step] as number;
      vector[i] = a + b;
      vector[i + step] = a - b;
    }
  }
}

function stepsFor(dimensions: number): readonly Step[] {
  const known = stepsByDimensions.get(dimensions);
  if (known !== undefined) {
    return known;
  }
  const size = 2 ** Math.floor(Math.log2(dimensions));
  const starts = size === dimensions ? [0] : [0, dimensions - size, 0];
  const random = randomBits();
  const steps = starts.map((from): Step => {
    return { from, size, factors: Float64Array.from({ length: size }, () => (random() ? 1 : -1) / Math.sqrt(size)) };
  });
  stepsByDimensions.set(dimensions, steps);
  return steps;
}

/** Returns the same bits every time (Marsaglia's 32-bit xorshift). Stored signatures depend on them. */
function randomBits(): () => boolean {
  let state = 0x2545_f491;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state < 0;
  };
}
