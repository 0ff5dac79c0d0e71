import { contentPdf } from '@millrace/test-support';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

/** Lines of text in 12 points, 14 points apart. */
function block(x: number, y: number, lines: readonly string[], font = 'F 12'): string {
  return `BT /${font} Tf 14 TL ${x} ${y} Td ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
}

async function textsOf(content: string, map: Record<string, string> = {}): Promise<string[]> {
  return folder.open(contentPdf(content, { map }), (file) => file.readPage(1).lines.map((line) => line.text));
}

describe('When the lines of a page are put in order', () => {
  test('and it has two columns, then the left one comes before the right one and no line spans both', async () => {
    const left = ['The left column', 'goes on here', 'and ends here.'];
    const right = ['The right column', 'goes on as well', 'and ends there.'];
    expect(await textsOf([block(50, 700, left), block(320, 700, right)].join(' '))).toEqual([...left, ...right]);
  });

  test('and a word is split at the end of a column, then its rest is taken from the next column', async () => {
    const content = [block(50, 700, ['The manufac-']), block(320, 728, ['turing goes on.'])].join(' ');
    // Helvetica has no soft hyphen. The engine takes a hyphen at the end of a line for one when another line follows.
    expect(await textsOf(content)).toEqual(['The manufacturing', 'goes on.']);
  });

  test('and the page has a header, a footnote and a footer, then each is a line in its own size', async () => {
    const content = [
      block(50, 770, ['THE HEADER'], 'F 9'),
      block(50, 700, ['The text has a note.', 'It ends here.']),
      block(50, 80, ['1 The note.'], 'F 8'),
      block(290, 30, ['17'], 'F 9'),
    ].join(' ');
    await folder.open(contentPdf(content), (file) => {
      expect(file.readPage(1).lines.map(({ text, fontSize }) => [text, fontSize])).toEqual([
        ['THE HEADER', 9],
        ['The text has a note.', 12],
        ['It ends here.', 12],
        ['1 The note.', 8],
        ['17', 9],
      ]);
    });
  });

  test('and a page number follows a split word, then it is not joined to the word', async () => {
    const content = [block(50, 100, ['A word is manufac-']), block(50, 72, ['190 THE FOOTER'], 'F 8')].join(' ');
    expect(await textsOf(content)).toEqual(['A word is manufac-', '190 THE FOOTER']);
  });

  test('and the hyphen belongs to the word, then it is kept', async () => {
    expect(await textsOf(block(50, 700, ['Accruals under the Pre-', '2005 plan count.']))).toEqual([
      'Accruals under the Pre-2005',
      'plan count.',
    ]);
  });
});

describe('When words are built from characters', () => {
  test('and a line ends with a soft hyphen, then the word is joined', async () => {
    const map = { a: 'm', b: 'i', c: 'l', d: '\u00ad' };
    expect(await textsOf('BT /M 12 Tf 14 TL 50 700 Td (abcd) Tj T* (cbca) Tj ET', map)).toEqual(['millilm']);
  });

  test('and a ligature is wide, then its letters stay in the word', async () => {
    const map = { o: 'o', f: 'ffi', c: 'c', e: 'e' };
    expect(await textsOf('BT /M 12 Tf 50 700 Td (ofce) Tj ET', map)).toEqual(['office']);
  });

  test('and they are code points beyond 16 bits, then each is one character', async () => {
    const map = { a: '𝐀', b: '𐲀' };
    expect(await textsOf('BT /M 12 Tf 50 700 Td (abab) Tj ET', map)).toEqual(['𝐀𐲀𝐀𐲀']);
  });

  test('and they run from right to left, then they are in reading order', async () => {
    // Drawn from left to right. The first letter of the text is the rightmost one.
    const map = { a: 'א', b: 'ב', c: 'ג', d: 'ד' };
    expect(await textsOf('BT /M 12 Tf 50 700 Td (dc) Tj ( ) Tj (ba) Tj ET', { ...map, ' ': ' ' })).toEqual(['אב גד']);
  });

  test('and the script has no spaces, then stretched lines get no spaces', async () => {
    const map = { a: '全', b: '世', c: '界', d: '無', e: '。' };
    expect(await textsOf('BT /M 12 Tf 4 Tc 50 700 Td (abcde) Tj ET', map)).toEqual(['全世界無。']);
  });

  test('and a sentence begins after a gap in which the engine sees no space, then a space is added', async () => {
    const map = Object.fromEntries([...'ended.Th'].map((letter) => [letter, letter]));
    expect(await textsOf('BT /M 12 Tf 50 700 Td [(ended.) -160 (Then)] TJ ET', map)).toEqual(['ended. Then']);
  });

  test('and a drawn line feed separates words, then it is a space', async () => {
    const map = { a: 'of', n: '\n', b: 'it' };
    expect(await textsOf('BT /M 12 Tf -12 Tc 50 700 Td (a) Tj 0 Tc (nb) Tj ET', map)).toEqual(['of it']);
  });
});

describe('When a document names its pages', () => {
  test('then each page has its label', async () => {
    const catalog = '/PageLabels << /Nums [0 << /S /r /St 4 /P (A-) >>] >>';
    await folder.open(contentPdf('', { catalog }), (file) => {
      expect(file.readPage(1).label).toBe('A-iv');
      expect(file.pageLabel(1)).toBe('A-iv');
    });
  });

  test('and the label is very long or empty, then the page has none', async () => {
    for (const prefix of ['x'.repeat(1_000), '']) {
      await folder.open(contentPdf('', { catalog: `/PageLabels << /Nums [0 << /P (${prefix}) >>] >>` }), (file) => {
        expect(file.pageLabel(1)).toBeNull();
      });
    }
  });

  test('and it has no labels, then the label is null', async () => {
    await folder.open(contentPdf(''), (file) => {
      expect(file.readPage(1).label).toBeNull();
    });
  });
});
