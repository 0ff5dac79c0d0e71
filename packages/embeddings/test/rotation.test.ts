import { Rotation } from '../src/static/rotation';

const length = 768;
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const unitAt = (place: number) => Float64Array.from({ length }, (_, i) => (i === place ? 1 : 0));

describe('The rotation of vectors', () => {
  const rotation = new Rotation(length);

  test('When two vectors are rotated, then their lengths and the angle between them stay', () => {
    const first = Float64Array.from({ length }, (_, i) => Math.sin(i) / (i + 1));
    const second = Float64Array.from({ length }, (_, i) => Math.cos(3 * i));
    const [a, b] = [rotation.rotate(first), rotation.rotate(second)];
    expect(dot(a, a)).toBeCloseTo(dot(first, first), 12);
    expect(dot(b, b)).toBeCloseTo(dot(second, second), 9);
    expect(dot(a, b)).toBeCloseTo(dot(first, second), 9);
  });

  test('When a vector has one component, then its rotation has about the same in nearly all', () => {
    for (const place of [0, 255, 256, 767]) {
      const rotated = rotation.rotate(unitAt(place));
      expect(Math.max(...rotated.map(Math.abs))).toBeLessThan(0.25);
      expect(rotated.filter((value) => value !== 0).length).toBeGreaterThan(0.8 * length);
    }
  });

  test('When a rotation is made again, then it is the same', () => {
    const vector = Float64Array.from({ length }, (_, i) => i);
    expect(new Rotation(length).rotate(vector)).toEqual(rotation.rotate(vector));
  });

  test('When the length is not a multiple of 256, then the rotation is refused', () => {
    expect(() => new Rotation(700)).toThrow('multiple of 256');
  });
});
