import { contentPdf } from '@millrace/test-support';
import { isReadFromRight, logicalOrder } from '../src/text/bidi/logicalOrder';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

const reversed = (text: string) => [...text].reverse().join('');

describe('When a line with text from right to left is put in the order of reading', () => {
  test.each([
    ['words', reversed('שלום עולם'), 'שלום עולם'],
    ['a number in a sentence', `${reversed('ועוד')} 47 ${reversed('יש לי')}`, 'יש לי 47 ועוד'],
    ['a number with separators', `${reversed('שח')} 1,234.50 ${reversed('סך')}`, 'סך 1,234.50 שח'],
    ['Latin words and their numbers', `${reversed('טוב')} iPhone 15 Pro ${reversed('הוא')}`, 'הוא iPhone 15 Pro טוב'],
    ['two numbers beside each other', `2008 2007 ${reversed('שנים')}`, 'שנים 2007 2008'],
    ['percent and currency', `50% ${reversed('או')} $20 ${reversed('הנחה')}`, 'הנחה $20 או 50%'],
    ['brackets as they are shown', `${reversed('סוף')} (${reversed('הערה')}) ${reversed('מלה')}`, 'מלה (הערה) סוף'],
    ['brackets as they are read', `${reversed('סוף')} )${reversed('הערה')}( ${reversed('מלה')}`, 'מלה (הערה) סוף'],
    ['a telephone number in Arabic', `4567-050 ${reversed('هاتف')}`, 'هاتف 050-4567'],
    ['presentation forms', reversed('\ufe8d\ufefb\ufe97'), 'الات'],
    ['the sign of the end of a sentence', `?${reversed('מה שלומך')}`, 'מה שלומך?'],
  ])('%s, then it is right', (_, visual, logical) => {
    expect(logicalOrder(visual, isReadFromRight(visual, true))).toBe(logical);
  });

  test('and most of it is Latin, then words from right to left are turned around within it', () => {
    const visual = `Jeremy is ${reversed('جرمي هنا')} in Arabic`;
    expect(isReadFromRight(visual, true)).toBe(false);
    expect(logicalOrder(visual, false)).toBe('Jeremy is جرمي هنا in Arabic');
  });
});

describe('When a page with text from right to left is read', () => {
  const map = Object.fromEntries([...'abcdefghij'].map((code, at) => [code, 'אבגדהוזחטי'[at] as string]));

  async function read(drawn: readonly string[], more: Record<string, string> = {}): Promise<string[]> {
    const bytes = contentPdf(drawn.join('\n'), { map: { ...map, ' ': ' ', ...more } });
    return folder.open(bytes, (file) => file.readPage(1).lines.map(({ text }) => text));
  }
  const at = (text: string, x: number, y = 700, font = 'M') => `BT /${font} 10 Tf 1 0 0 1 ${x} ${y} Tm (${text}) Tj ET`;

  test.each([
    ['each letter by itself from the right', [at('a', 110), at('b', 100), at('c', 80), at('d', 70)]],
    ['each letter by itself from the left', [at('d', 70), at('c', 80), at('b', 100), at('a', 110)]],
    ['word by word from the right', [at('ba', 100), at('dc', 70)]],
    ['word by word from the left', [at('dc', 70), at('ba', 100)]],
    ['as one text', [at('dc ba', 70)]],
  ])('and it is drawn %s, then the words are in the order of reading', async (_, drawn) => {
    expect(await read(drawn)).toEqual(['אב גד']);
  });

  test('and a Latin word is between, then it is whole', async () => {
    expect(await read([at('ba', 200), at('Python', 160, 700, 'F'), at('dc', 130)])).toEqual(['אב Python גד']);
  });

  test('and a row of a table has gaps, then its cells are read from the right, numbers as well', async () => {
    const rows = [
      at('ba', 400),
      at('dc', 250),
      at('fe', 100),
      at('10', 400, 680, 'F'),
      at('20', 250, 680, 'F'),
      at('30', 100, 680, 'F'),
    ];
    expect(await read(rows)).toEqual(['אב\tגד\tהו', '10\t20\t30']);
  });

  test('and a glyph is lam and alef, then the letters are in that order, however the font maps it', async () => {
    for (const ligature of ['\u0644\u0627', '\ufefb']) {
      expect(await read([at('zxy', 100)], { x: ligature, y: '\u0633', z: '\u0645' })).toEqual([
        '\u0633\u0644\u0627\u0645',
      ]);
    }
  });

  test('and a mark is over a letter, then it follows the letter', async () => {
    const drawn = [at('a', 110), at('m', 110), at('b', 100)];
    expect(await read(drawn, { m: '\u05b8' })).toEqual(['א\u05b8ב']);
  });

  test('and it has two columns drawn in any order, then the right one is read first', async () => {
    const left = [at('dcba', 100), at('hgfe', 100, 688)];
    const right = [at('fedc', 300), at('abcd', 300, 688)];
    const expected = ['גדהו', 'דגבא', 'אבגד', 'הוזח'];
    expect(await read([...left, ...right])).toEqual(expected);
    expect(await read([...right, ...left])).toEqual(expected);
  });
});
