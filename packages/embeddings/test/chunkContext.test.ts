import fc from 'fast-check';
import { contextOf, mostTokensOf } from '../src';
import { readableName } from '../src/chunkContext';

test.each([
  ['ADOBE_2017_10K.pdf', 'ADOBE 2017 10K'],
  ['Müller-Vertrag (final).pdf', 'Müller Vertrag final'],
  ['Jahresbericht%202024.pdf', 'Jahresbericht 2024'],
  ['notes', 'notes'],
  ['report.v2.1.md', 'report v2 1'],
  ['3f2504e0-4f89-11d3-9a0c-0305e82c3301.pdf', ''],
  ['invoice-3f2504e04f8911d3.pdf', 'invoice'],
  ['scan0001.pdf', ''],
  ['IMG_2034.pdf', ''],
  ['20260131T120000Z.pdf', ''],
  ['年报.pdf', '年报'],
])('When the file is called %s, then its readable name is %j', (filename, name) => {
  expect(readableName(filename)).toBe(name);
});

describe('The context of a chunk', () => {
  const section = 'Part II > Item 7. Analysis > Liquidity';

  test.each([
    [{ title: ' Annual\n Report ', section }, 'Annual Report\nPart II > Item 7. Analysis > Liquidity'],
    [{ title: null, section }, 'acme 2024\nPart II > Item 7. Analysis > Liquidity'],
    [{ title: '0000764478-23-000006', section: null }, 'acme 2024'],
    [{ title: 'Untitled', section: null }, 'acme 2024'],
    [{ title: 'Annual Report', section: null }, 'Annual Report'],
    [{ title: 'annual report', section: 'Annual Report > Costs' }, 'annual report\nCosts'],
    [{ title: null, filename: 'scan1.pdf', section: 'Costs' }, 'Costs'],
    [{ title: null, filename: 'scan1.pdf', section: null }, ''],
  ])('of %j is the title or the file name, and the headings', (changes, context) => {
    expect(contextOf({ filename: 'acme_2024.pdf', ...changes }, 100)).toBe(context);
  });

  test.each([
    [40, 'Annual Report\nPart II > Item 7. Analysis > Liquidity'],
    [15, 'Annual Report\nItem 7. Analysis > Liquidity'],
    [9, 'Annual Report\nLiquidity'],
    [5, 'Annual Report'],
    [4, 'Annual'],
    [1, ''],
    [-20, ''],
  ])('loses headings from the outside and then words of the title when it has room for %i tokens', (room, context) => {
    expect(contextOf({ title: 'Annual Report', filename: 'a.pdf', section }, room)).toBe(context);
  });

  test('keeps the beginning of a title that is written without spaces', () => {
    const title = `${'株式会社の有価証券報告書'.repeat(4)} 2024`;
    expect(contextOf({ title, filename: 'a.pdf', section: null }, 100)).toBe(title.slice(0, 32));
    expect(contextOf({ title: '年报 Report', filename: 'a.pdf', section: null }, 3)).toBe('年报');
  });

  test('never takes more than its room', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string(),
        fc.string(),
        fc.integer({ min: 0, max: 50 }),
        (title, filename, headings, room) => {
          const context = contextOf({ title, filename, section: headings }, room);
          expect(mostTokensOf(context)).toBeLessThanOrEqual(Math.min(room, 32));
        },
      ),
    );
  });
});
