import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** The random choices of a run. They depend only on its seed. */
export class Random {
  private readonly generator;

  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** Returns a whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return uniformInt(this.generator, min, Math.max(min, max));
  }

  /** Returns true in `percent` of 100 calls. */
  chance(percent: number): boolean {
    return this.int(1, 100) <= percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) {
      throw new RangeError('The list to pick from is empty.');
    }
    return item;
  }

  /** Returns a copy in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    return items.map(() => rest.splice(this.int(0, rest.length - 1), 1)[0] as T);
  }

  /** Makes another generator, so that more use of one does not change the other. */
  fork(): Random {
    return new Random(this.int(0, 0x7fffffff));
  }
}
