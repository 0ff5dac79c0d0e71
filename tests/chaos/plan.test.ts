import { faultKinds, makePlan } from './src/plan';
import { Random } from './src/random';

const planOf = (seed: number) =>
  makePlan({ random: new Random(seed), durationMs: 60_000, documents: 10, leaseMs: 3_000, gapMs: [500, 4_000] });

describe('The plan of a chaos run', () => {
  test('When the seed is the same, then the plan is the same; with another seed it differs', () => {
    expect(planOf(7)).toEqual(planOf(7));
    expect(planOf(8)).not.toEqual(planOf(7));
  });

  test('When the run is long enough, then every kind of fault comes before any kind comes again', () => {
    const kinds = planOf(7).faults.map((fault) => fault.kind);
    expect(new Set(kinds.slice(0, faultKinds.length))).toEqual(new Set(faultKinds));
  });

  test('Every document is uploaded, and some twice at the same moment', () => {
    const { uploads } = planOf(7);
    expect(new Set(uploads.map((upload) => upload.document)).size).toBe(10);
    expect(uploads.filter((upload) => upload.document === 0)).toEqual([
      { document: 0, at: 0 },
      { document: 0, at: 0 },
    ]);
  });
});
