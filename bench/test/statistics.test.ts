import { byClients } from '../src/clients';
import { Prose } from '../src/prose';
import { format, percentile } from '../src/statistics';

describe('percentile', () => {
  it('When the 99th percentile of a hundred values is taken, then it leaves out the largest', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 99)).toBe(99);
    expect(percentile(values, 50)).toBe(50);
  });

  it('When there are few values, then the 99th percentile is the largest; without values it is NaN', () => {
    expect(percentile([3, 1, 2], 99)).toBe(3);
    expect(percentile([], 50)).toBeNaN();
  });
});

describe('format', () => {
  it('When a number is formatted, then it has three significant digits', () => {
    expect([0.1234, 1.234, 12.34, 123.4].map(format)).toEqual(['0.123', '1.23', '12.3', '123']);
  });
});

describe('byClients', () => {
  it('When there are more tasks than clients, then each task runs once, and as many at a time as there are clients', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const tasks = Array.from({ length: 10 }, (_, i) => async () => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      done.push(i);
      running -= 1;
    });
    expect(await byClients(3, tasks)).toHaveLength(10);
    expect([...done].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(most).toBe(3);
  });
});

describe('Prose', () => {
  it('When the seed is the same, then the text is the same, and no two passages are alike', () => {
    const [one, other] = [new Prose(7), new Prose(7)];
    const passage = one.passage(50);
    expect(other.passage(50)).toBe(passage);
    expect(one.passage(50)).not.toBe(passage);
    expect(passage.split(' ')).toHaveLength(50);
  });
});
