import { exchanged, mappedPdf } from '@millrace/test-support';
import { ReadingHarness } from './readingHarness';

const lines = ['The mill stands by the river and turns all day.', 'Its wheel was built of oak by three brothers.'];
const strange = lines.map((line) => Array.from(line, exchanged).join(''));
const garbled = mappedPdf(lines, exchanged);
const asShown = (character: string) => character;

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
afterAll(() => harness.dispose());

describe('When the text layer of a page cannot be right', () => {
  test('and OCR reads the page, then its text replaces the layer', async () => {
    const { pages, chunks } = await harness.parse(harness.pool(), garbled);
    expect(pages).toMatchObject([{ outcome: 'ocr', textLayer: 'replaced', errorCode: null }]);
    expect(chunks.map(({ text }) => text.replace(/\s+/gu, ' '))).toEqual([lines.join(' ')]);
  });

  test('but the page shows just that, then the layer is kept', async () => {
    const { pages, chunks } = await harness.parse(harness.pool(), mappedPdf(strange, asShown));
    expect(pages).toMatchObject([{ outcome: 'text', textLayer: null }]);
    expect(chunks.map(({ text }) => text.replace(/\s+/gu, ' '))).toEqual([strange.join(' ')]);
  });

  test('and OCR is off, then the layer is kept and suspect', async () => {
    const { pages, chunks } = await harness.parse(harness.pool(), garbled, { mode: 'off' });
    expect(pages).toMatchObject([{ outcome: 'text', textLayer: 'suspect' }]);
    expect(chunks).toHaveLength(1);
  });

  test('and the document may have no more OCR, then the page fails, so that it can be read again', async () => {
    const { pages, chunks } = await harness.parse(harness.pool(), garbled, { ocr: { maxPages: 0 } });
    expect(pages).toMatchObject([{ outcome: 'failed', textLayer: null, errorCode: 'OCR_LIMIT' }]);
    expect(chunks).toEqual([]);
  });
});

test('When a page has a few signs and no letters, then OCR tells what they are', async () => {
  const signs = mappedPdf(['Phone'], (letter) => ({ P: '"', h: '7', o: '+', n: '%', e: '-' })[letter] ?? letter);
  const { pages, chunks } = await harness.parse(harness.pool(), signs);
  expect(pages).toMatchObject([{ outcome: 'ocr', textLayer: 'replaced' }]);
  expect(chunks.map(({ text }) => text)).toEqual(['Phone']);
});
