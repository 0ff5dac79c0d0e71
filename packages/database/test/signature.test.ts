import { rotate } from '../src/signature/rotation';
import { Signer, signatureBits } from '../src/signature/signature';
import { hammingDistance, randomNormals } from './commonPart';

const normals = randomNormals();
const vectorOf = (dimensions: number) => Float64Array.from({ length: dimensions }, normals);

test.each([1, 2, 3, 64, 100, 384, 768, 1_536])(
  'When vectors of %i dimensions are rotated, then their distances stay as they are',
  (dimensions) => {
    const [one, other] = [vectorOf(dimensions), vectorOf(dimensions)];
    const distance = () => Math.hypot(...one.map((component, i) => component - (other[i] ?? 0)));
    const [length, apart] = [Math.hypot(...one), distance()];
    rotate(one);
    rotate(other);
    expect(Math.hypot(...one)).toBeCloseTo(length, 9);
    expect(distance()).toBeCloseTo(apart, 9);
  },
);

test.each([64, 100, 384, 768])(
  'When all of a vector of %i dimensions is in one component, then rotation spreads it over all',
  (dimensions) => {
    for (const place of [0, 1, Math.floor(dimensions / 2), dimensions - 1]) {
      const vector = new Float64Array(dimensions);
      vector[place] = 1;
      rotate(vector);
      const largest = Math.max(...vector.map(Math.abs));
      expect(largest).toBeLessThan(4 / Math.sqrt(dimensions));
      const small = vector.filter((component) => Math.abs(component) < 0.01 / Math.sqrt(dimensions));
      expect(small.length).toBeLessThan(dimensions * 0.25);
    }
  },
);

// Stored signatures are compared with new ones, so a change of the rotation or the thresholds needs another column.
test('When a known vector is signed, then its signature is the one of every version so far', () => {
  const vector = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i + 1) / Math.sqrt(12));
  expect(new Signer(null).sign(vector).toString('hex')).toBe('bbaecf02bca3');
  expect(new Signer(vector.map((component) => component / 2)).sign(vector).toString('hex')).toBe('bbaacb02bea2');
});

test('When vectors are signed, then each of the three parts between the thresholds gets a third of the components', () => {
  const counts = [0, 0, 0];
  const signer = new Signer(null);
  for (let i = 0; i < 20; i += 1) {
    const vector = vectorOf(768);
    const length = Math.hypot(...vector);
    const bytes = signer.sign(Float32Array.from(vector, (component) => component / length));
    for (let bit = 0; bit < signatureBits(768); bit += 2) {
      const pair = ((bytes[bit >> 3] ?? 0) >> (6 - (bit & 7))) & 3;
      const part = [0, undefined, 1, 2][pair];
      counts[part ?? Number.NaN] = (counts[part ?? Number.NaN] ?? 0) + 1;
    }
  }
  for (const count of counts) {
    expect(count / (20 * 768)).toBeCloseTo(1 / 3, 1);
  }
});

test('When two vectors are nearer than two others, then their signatures are too', () => {
  const base = vectorOf(128);
  const signer = new Signer(null);
  const sign = (noise: number) => {
    const vector = base.map((component) => component + noise * normals());
    const length = Math.hypot(...vector);
    return signer.sign(Float32Array.from(vector, (component) => component / length));
  };
  const distances = [0.1, 0.3, 1, 10].map((noise) => hammingDistance(sign(0), sign(noise)));
  expect(distances).toEqual([...distances].sort((a, b) => a - b));
});
