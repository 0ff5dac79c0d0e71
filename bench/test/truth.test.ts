import { type Near, recallAt } from '../src/vectors/truth';

const near = (...similarities: number[]): Near[] => similarities.map((similarity, row) => ({ row, similarity }));

describe('recallAt', () => {
  it('When a search gives another row that is as near as the last wanted one, then that is a hit', () => {
    expect(recallAt(2, [0.9, 0.799_995], near(0.9, 0.8, 0.8))).toBe(1);
    expect(recallAt(2, [0.9, 0.79], near(0.9, 0.8, 0.8))).toBe(0.5);
  });

  it('When there are fewer rows than wanted, then finding those is enough', () => {
    expect(recallAt(10, [0.9], near(0.9))).toBe(1);
    expect(recallAt(10, [], near(0.9))).toBe(0);
    expect(recallAt(10, [], [])).toBe(1);
  });
});
