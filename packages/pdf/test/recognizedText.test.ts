import type { Block, Word } from 'tesseract.js';
import { recognizedTextOf } from '../src/ocr/recognizedText';

/** A row of words, each with its confidence and box. */
type Row = {
  words: [text: string, confidence: number, x0: number, y0: number, x1: number, y1: number][];
  vertical?: true;
};

const image = { width: 1000, height: 1000, pixels: new Uint8Array(), dpi: 72 };

/** Tesseract's result for rows of words that are 10 pixels high. */
function blocks(...rows: Row[]): Block[] {
  const lines = rows.map(({ words, vertical }) => ({
    words: words.map(
      ([text, confidence, x0, y0, x1, y1]) => ({ text, confidence, bbox: { x0, y0, x1, y1 } }) as unknown as Word,
    ),
    baseline: vertical ? { x0: 0, y0: 0, x1: 0, y1: 100 } : { x0: 0, y0: 0, x1: 100, y1: 0 },
    rowAttributes: { rowHeight: 10, ascenders: 2, descenders: 2 },
  }));
  return [{ paragraphs: [{ lines }] }] as unknown as Block[];
}

describe('When lines have been recognized', () => {
  test('then words of low confidence are left out, and lines of low mean confidence are left out as a whole', () => {
    const { lines, characters, confidence } = recognizedTextOf(
      blocks(
        {
          words: [
            ['mill', 90, 0, 0, 40, 10],
            ['|/', 10, 45, 0, 60, 10],
          ],
        },
        {
          words: [
            ['by', 60, 0, 20, 20, 30],
            ['chance', 10, 25, 20, 80, 30],
          ],
        },
      ),
      image,
    );
    expect(lines.map(({ text }) => text)).toEqual(['mill']);
    expect(characters).toBe(14);
    expect(confidence).toBeCloseTo((4 * 90 + 2 * 10 + 2 * 60 + 6 * 10) / 14);
  });

  test('and there are none, then the confidence is 0', () => {
    expect(recognizedTextOf([], image)).toEqual({ lines: [], characters: 0, confidence: 0 });
  });

  test('then wide gaps separate cells, even in lines that run downwards', () => {
    const { lines } = recognizedTextOf(
      blocks(
        {
          words: [
            ['Flour', 90, 0, 0, 50, 10],
            ['sold', 90, 55, 0, 90, 10],
            ['12', 90, 200, 0, 220, 10],
          ],
        },
        {
          words: [
            ['Flour', 90, 500, 0, 510, 50],
            ['sold', 90, 500, 55, 510, 90],
            ['12', 90, 500, 200, 510, 220],
          ],
          vertical: true,
        },
      ),
      image,
    );
    expect(lines.map(({ text }) => text)).toEqual(['Flour sold\t12', 'Flour sold\t12']);
    expect(lines[1]).toMatchObject({ x0: 0.5, y0: 0, x1: 0.51, y1: 0.22 });
  });
});
