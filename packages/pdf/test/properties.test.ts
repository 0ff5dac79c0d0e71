import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessPool } from '@millrace/process-pool';
import { contentPdf } from '@millrace/test-support';
import fc from 'fast-check';
import type { PageText } from '../src';
import type { DigestProtocol } from './fixtures/readingChild';
import { TemporaryFolder } from './temporary';

const corpus = join(__dirname, '../../../../shared/corpus');
const folder = new TemporaryFolder();
let pool: ProcessPool<DigestProtocol>;

beforeAll(async () => {
  await folder.make();
  pool = new ProcessPool({
    entry: join(__dirname, 'fixtures/readingChild.ts'),
    processes: 2,
    limits: { timeoutMs: 300_000 },
    execArgv: ['-r', join(__dirname, '../../../tests/support/register.cjs')],
  });
});
afterAll(async () => {
  await pool?.close();
  await folder?.remove();
});

const map = { a: 'ffi', b: '世', c: '界', d: 'א', e: 'ב', f: '\u00ad', g: '𝐀', h: '\n', i: '\0', j: '\ud800', k: '\t' };

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.double({ min: -500, max: 500, noNaN: true }));
const place = fc.oneof(fc.integer({ min: 0, max: 800 }), fc.double({ min: -2e6, max: 2e6, noNaN: true }));
const matrix = fc.oneof(
  fc.constantFrom(
    '1 0 0 1',
    '0 1 -1 0',
    '-1 0 0 -1',
    '0 -1 1 0',
    '0.7 0.7 -0.7 0.7',
    '1 0 0.3 1',
    '-1 0 0 1',
    '0 0 0 0',
  ),
  fc.tuple(size, size, size, size).map((entries) => entries.map(number).join(' ')),
);
const text = fc.oneof(
  fc.stringMatching(/^[a-k ]{1,20}$/),
  fc.stringMatching(/^[A-Z][a-z ,.-]{1,60}-?$/),
  fc.stringMatching(/^[$(]?[0-9,.]{1,9}%?$/).map((value) => value.replace('(', '')),
);
const shown = fc
  .record({
    font: fc.constantFrom('F', 'B', 'M'),
    size,
    matrix,
    x: place,
    y: place,
    text,
    spacing: fc.integer({ min: -20, max: 20 }),
  })
  .map(
    (each) =>
      `BT /${each.font} ${number(each.size)} Tf ${each.spacing} Tc ${each.matrix} ${number(each.x)} ${number(each.y)} Tm (${each.text}) Tj ET`,
  );
const box = fc.tuple(place, place, place, place).map((corners) => `/CropBox [${corners.map(number).join(' ')}]`);
const page = fc
  .tuple(fc.constantFrom('', '/Rotate 90', '/Rotate 180', '/Rotate 270', '/Rotate -90', '/Rotate 45'), fc.option(box))
  .map(([rotate, crop]) => `${rotate} ${crop ?? ''}`);
const pdf = fc
  .record({ page, content: fc.array(shown, { maxLength: 12 }) })
  .map(({ page, content }) => contentPdf(content.join('\n'), { page, map }));

/** Numbers in a PDF have no exponents. */
function number(value: number): string {
  return value.toFixed(3);
}

function expectOnPage({ width, height, lines, text }: PageText): void {
  for (const side of [width, height]) {
    expect(side).toBeGreaterThanOrEqual(0);
    expect(side).toBeLessThanOrEqual(14_400);
  }
  expect(text).toBe(lines.map((line) => line.text).join('\n'));
  for (const line of lines) {
    const { x0, y0, x1, y1, fontSize } = line;
    expect(line.text).toMatch(/\S/);
    expect(line.text).not.toMatch(/[\n\r\0]/);
    expect(line.text.isWellFormed()).toBe(true);
    expect([0 <= x0, x0 <= x1, x1 <= 1, 0 <= y0, y0 <= y1, y1 <= 1]).toEqual(Array(6).fill(true));
    expect(Number.isFinite(fontSize)).toBe(true);
  }
}

/** The digests that two processes make of a PDF at the same time, or their error codes. */
function readByTwo(path: string): Promise<unknown[]> {
  return Promise.all([0, 1].map(() => pool.run(path).catch((error: { code: string }) => error.code)));
}

describe('When any text is drawn anywhere on a page', () => {
  test('then every line is on the page and well-formed, and a second reading gives the same', async () => {
    await fc.assert(
      fc.asyncProperty(pdf, async (bytes) => {
        const first = await folder.open(bytes, (file) => [file.info, file.readPage(1)] as const);
        expectOnPage(first[1]);
        const second = await folder.open(bytes, (file) => [file.info, file.readPage(1)] as const);
        expect(second).toEqual(first);
      }),
      { numRuns: 150 },
    );
  });

  test('then two processes read the same', async () => {
    await fc.assert(
      fc.asyncProperty(pdf, async (bytes) => {
        const [one, other] = await readByTwo(await folder.write(bytes));
        expect(one).toMatch(/^[0-9a-f]{64}$/);
        expect(other).toBe(one);
      }),
      { numRuns: 40 },
    );
  });
});

if (existsSync(corpus)) {
  describe('When the PDFs of the corpora are read by two processes', () => {
    const files = ['hostile', 'real'].flatMap((name) =>
      readdirSync(join(corpus, name))
        .filter((file) => file.endsWith('.pdf'))
        .map((file) => `${name}/${file}`),
    );
    test('then both read the same from each', async () => {
      for (const file of files) {
        const [one, other] = await readByTwo(join(corpus, file));
        expect([file, other]).toEqual([file, one]);
      }
    }, 300_000);
  });
} else {
  describe('When the corpus (../shared/corpus) is missing', () => {
    test('then its PDFs are NOT read by two processes, only generated ones', () => {
      expect(existsSync(corpus)).toBe(false);
    });
  });
}
