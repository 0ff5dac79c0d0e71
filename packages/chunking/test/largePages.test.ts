import { type ChunkLine, type ChunkPage, chunkDocument } from '../src';
import { pageOf } from './pages';

const limits = { maxTokens: 400, overlapTokens: 50 };

/** A page with `count` labels spread all over it. */
function mapPage(page: number, count: number, fontSize: (index: number) => number): ChunkPage {
  const lines = Array.from({ length: count }, (_, index): ChunkLine => {
    const x0 = (index * 0.618) % 0.9;
    const y0 = (index / count) * 0.97;
    return { text: `P ${index % 7}`, x0, y0, x1: x0 + 0.02, y1: y0 + 0.01, fontSize: fontSize(index), bold: false };
  });
  return { page, width: 612, height: 792, lines };
}

/** The processor time of chunking, in seconds. */
function secondsOf(pages: readonly ChunkPage[]): number {
  const start = process.cpuUsage();
  expect(chunkDocument(pages, limits).length).toBeGreaterThan(0);
  return process.cpuUsage(start).user / 1e6;
}

describe('When a page is very large, then chunking takes less than five seconds', () => {
  test('for maps that repeat their labels', () => {
    expect(secondsOf([1, 2].map((page) => mapPage(page, 20_000, () => 10)))).toBeLessThan(5);
  });

  test('for a map with labels in two sizes', () => {
    expect(secondsOf([mapPage(1, 20_000, (index) => (index % 3 === 0 ? 14 : 10))])).toBeLessThan(5);
  });

  test('for a bold line of a number and a very long word', () => {
    const bold = { text: `1\t${'a'.repeat(100_000)}5`, bold: true };
    expect(secondsOf([pageOf(1, ['The text. '.repeat(15_000), '', bold])])).toBeLessThan(5);
  });
});

test('When a map is between a header and a footer, then the header and the footer are left out', () => {
  const leftOut: string[] = [];
  const pages = [1, 2, 3, 4].map((page) => {
    const map = mapPage(page, 500, () => 10);
    const row = { x0: 0.1, x1: 0.4, fontSize: 8, bold: false };
    const inside = map.lines.map((line) => ({ ...line, y0: 0.1 + line.y0 * 0.8, y1: 0.11 + line.y0 * 0.8 }));
    const header = { ...row, text: 'Atlas of Mills', y0: 0.02, y1: 0.03 };
    return { ...map, lines: [header, ...inside, { ...row, text: `Page ${page}`, y0: 0.97, y1: 0.98 }] };
  });
  chunkDocument(pages, { ...limits, onLeftOut: (_page, { text }) => leftOut.push(text) });
  expect(leftOut).toEqual(pages.flatMap(({ page }) => ['Atlas of Mills', `Page ${page}`]));
});
