import { mergeTruth, recallAt } from '../src/vectors/truth';

describe('recallAt', () => {
  it('When a search returns another row that is as near as the last wanted one, then that is a hit', () => {
    expect(recallAt(2, [0.9, 0.799_995], [0.9, 0.8, 0.8])).toBe(1);
    expect(recallAt(2, [0.9, 0.79], [0.9, 0.8, 0.8])).toBe(0.5);
  });

  it('When there are fewer rows than wanted, then finding those is enough', () => {
    expect(recallAt(10, [0.9], [0.9])).toBe(1);
    expect(recallAt(10, [], [0.9])).toBe(0);
    expect(recallAt(10, [], [])).toBe(1);
  });
});

describe('mergeTruth', () => {
  it('When rows are added, then the nearest of both are kept in order', () => {
    const truth = (...all: number[]) => ({ all: [all], 'one-percent': [[]], 'one-thousandth': [[0.1]] });
    const merged = mergeTruth(truth(...Array<number>(20).fill(0.5)), truth(0.9, 0.4));
    expect(merged.all[0]).toEqual([0.9, ...Array<number>(19).fill(0.5)]);
    expect(merged['one-thousandth']).toEqual([[0.1, 0.1]]);
  });
});
