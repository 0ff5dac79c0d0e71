import { contentPdf } from '@millrace/test-support';
import { letter, letters, turned, verticalPdf } from './placedLetters';
import { column, engines, linesOf, rivers } from './placedText';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

async function textsOf(drawn: string | readonly string[], options: { page?: string } = {}): Promise<string[]> {
  const content = typeof drawn === 'string' ? drawn : drawn.join('\n');
  return folder.open(contentPdf(content, options), (file) => file.readPage(1).lines.map(({ text }) => text));
}

describe('When the letters of a line are drawn in an odd order', () => {
  const line = letters('the mill stands', 50, 700, 6);

  test.each([
    ['backwards', [...line].reverse()],
    ['every second one first', [...line.filter((_, at) => at % 2 === 0), ...line.filter((_, at) => at % 2 === 1)]],
    ['the second half first', [...line.slice(7), ...line.slice(0, 7)]],
  ])('%s, then they are read from left to right', async (_, drawn) => {
    expect(await textsOf(['BT /F 10 Tf 50 730 Td (A heading) Tj ET', ...drawn])).toEqual([
      'A heading',
      'the mill stands',
    ]);
  });

  test('and a value is drawn last beside its label, then both are one line', async () => {
    const drawn = [letter('Name:', 50, 700), letter('Address:', 50, 650), letter('Miller', 85, 700)];
    expect(await textsOf(drawn)).toEqual(['Name: Miller', 'Address:']);
  });

  test('and another text lies over them, then both texts stay whole', async () => {
    expect((await textsOf([letter('cancelled', 50, 700), letter('the miller', 52, 701)])).sort()).toEqual([
      'cancelled',
      'the miller',
    ]);
  });
});

describe('When the letters of words are spaced out', () => {
  test.each(['S M T W T F S', 'X X O X O O', 'A C B D D A'])(
    'but %s are no words, then they stay apart',
    async (marks) => {
      expect(await textsOf(letter(marks, 50, 700))).toEqual([marks]);
    },
  );

  test.each([
    ['by gaps', 'BT /F 10 Tf 4 Tc 50 700 Td [(LOREM) -800 (IPSUM)] TJ ET', 'LOREM IPSUM'],
    ['by drawn spaces', letter('L O R E M   I P S U M', 50, 700), 'LOREM IPSUM'],
    [
      'by spacing of characters',
      'BT /F 10 Tf 2.5 Tc 50 700 Td (Nort) Tj (h Buona) Tj ( Vist) Tj (a) Tj ET',
      'North Buona Vista',
    ],
  ])('%s, then they are words', async (_, drawn, expected) => {
    expect(await textsOf(drawn)).toEqual([expected]);
  });

  test.each(['A B C D E', '1 2 3 4 5 6', 'x = a + b', 'I am a b'])(
    'but they are "%s", then they stay apart',
    async (text) => {
      expect(await textsOf(letter(text, 50, 700))).toEqual([text]);
    },
  );

  test('and dots lead to a page number, then the words before them stay apart', async () => {
    expect(await textsOf(letter('2 Principles of mills . . . . . . . . . . . . . 14', 50, 700))).toEqual([
      '2 Principles of mills . . . . . . . . . . . . . 14',
    ]);
  });
});

describe('When letters are drawn more than once', () => {
  const text = 'Municipal office hall';

  test.each([
    [
      'each one twice',
      [...text].flatMap((each, at) => [0, 0.7].map((shift) => letter(each, 50 + 8 * at + shift, 700))),
    ],
    ['the line twice', [letter(text, 50, 700), letter(text, 50.8, 699.4)]],
    ['the line four times', [0, 1, 2, 3].map((at) => letter(text, 50 + (at % 2), 700 - (at >> 1)))],
    ['one word twice', [letter(text, 50, 700), letter('Municipal', 50.5, 700)]],
  ])('%s, then they are read once', async (_, drawn) => {
    const texts = await textsOf(drawn);
    expect(texts.map((each) => each.replaceAll(' ', ''))).toEqual(['Municipalofficehall']);
  });

  test('but a word has two equal letters, then both are read', async () => {
    const words = 'ill mattress offer 1100 .....';
    expect(await textsOf([letter(words, 50, 700), letter(words, 50.3, 700)])).toEqual([words]);
  });
});

describe('When hidden text is below painted text', () => {
  const painted = letter('The mill stands here', 50, 700);

  test.each([
    ['is invisible', (copy: string) => `3 Tr ${copy}`],
    ['is transparent', (copy: string) => `q /T gs ${copy} Q`],
    ['is outside of its clip', (copy: string) => `q 0 0 10 10 re W n ${copy} Q`],
  ])('and it %s, then only the painted text is read', async (_, hide) => {
    const reversed = letters('ereh sdnats llim ehT', 50, 700, 4.6).map(hide);
    expect(await textsOf([painted, ...reversed])).toEqual(['The mill stands here']);
    expect(await textsOf([hide(painted), `0 Tr ${painted}`])).toEqual(['The mill stands here']);
  });

  test('but nothing is painted over it, then it is read, as the text of a scan is', async () => {
    const stamp = letter('Page 7', 500, 30);
    expect(await textsOf([`3 Tr ${painted}`, `0 Tr ${stamp}`])).toEqual(['The mill stands here', 'Page 7']);
  });
});

describe('When a page has text at several angles', () => {
  test.each([90, 180, 270, 30, 45, 137, -23])(
    'and a block is turned by %d degrees, then its lines are whole and in order',
    async (degrees) => {
      const [sin, cos] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
      const lines = ['The mill stands', 'where the river', 'bends and has done', 'so for years.'];
      const block = lines.map((line, at) => turned(line, 300 + 14 * at * sin, 400 - 14 * at * cos, degrees));
      const order = [block[2], block[0], block[3], block[1]] as string[];
      const texts = await textsOf([letter('An upright line', 50, 750), ...order]);
      expect(texts).toEqual(['An upright line', ...lines]);
    },
  );

  test('and letters of a turned line are placed one by one, then they are whole words', async () => {
    const text = 'hill and mill';
    const angle = (67 * Math.PI) / 180;
    const drawn = [...text].map((each, at) =>
      turned(each, 300 + 6 * at * Math.cos(angle), 300 + 6 * at * Math.sin(angle), 67),
    );
    expect(await textsOf(drawn)).toEqual([text]);
  });

  test('then the box of a turned line is around it on the page', async () => {
    const [line] = await folder.open(
      contentPdf(turned('A turned line', 300, 400, 45)),
      (file) => file.readPage(1).lines,
    );
    expect([line?.x0, line?.y1]).toEqual([expect.closeTo(0.5, 1), expect.closeTo(0.5, 1)]);
    expect((line?.x1 ?? 0) - (line?.x0 ?? 0)).toBeGreaterThan(0.05);
  });

  test('and the whole page is turned, then the lines follow each other as they are shown', async () => {
    const lines = ['The first line', 'The second line', 'The third line'];
    const drawn = lines.map((line, at) => letter(line, 50, 700 - 20 * at)).reverse();
    expect(await textsOf(drawn, { page: '/Rotate 90' })).toEqual(lines);
  });
});

describe('When a font is for vertical writing', () => {
  const map = { a: '春', b: '夏', c: '秋', d: '冬', e: '、', i: 'm', j: 'i', k: 'l', ' ': ' ' };
  const codes = (text: string) =>
    `<${[...text].map((each) => each.charCodeAt(0).toString(16).padStart(4, '0')).join('')}>`;
  const vertical = async (drawn: readonly string[], width = 1000) =>
    folder.open(verticalPdf(drawn.join('\n'), map, width), (file) => file.readPage(1).lines.map(({ text }) => text));
  const at = (text: string, x: number, y: number) => `BT /V 10 Tf 1 0 0 1 ${x} ${y} Tm ${codes(text)} Tj ET`;

  test('and columns run downwards, then each is a line, and they are read from right to left', async () => {
    expect(await vertical([at('cd', 280, 700), at('abe', 300, 700), at('dcba', 260, 700)])).toEqual([
      '春夏、',
      '秋冬',
      '冬秋夏春',
    ]);
  });

  test('and the page has two tiers, then the upper one is read first', async () => {
    const tier = (y: number) => [at('abc', 300, y), at('bcd', 285, y), at('cda', 270, y)];
    expect(await vertical([...tier(400), ...tier(700)])).toEqual([
      '春夏秋',
      '夏秋冬',
      '秋冬春',
      '春夏秋',
      '夏秋冬',
      '秋冬春',
    ]);
  });

  test('and its letters are drawn side by side, then they are ordinary lines', async () => {
    const drawn = [...'ijkk ijkk'].map((each, index) => at(each, 50 + 5 * index, 700));
    expect(await vertical(drawn, 500)).toEqual(['mill mill']);
  });
});

describe('When columns are drawn in any order', () => {
  test('and each has only two lines, then the left one is read first, and the heading before both', async () => {
    const drawn = [
      { text: 'The heading', x: 50, y: 740, size: 20 },
      ...column(engines.slice(0, 2), 320),
      ...column(rivers.slice(0, 2), 50),
    ];
    expect((await linesOf(folder, drawn)).map(({ text }) => text)).toEqual([
      'The heading',
      ...rivers.slice(0, 2),
      ...engines.slice(0, 2),
    ]);
  });

  test('and the middle one of three is drawn in two pieces, then it is read as a whole', async () => {
    const [left, middle, right] = [rivers, engines, rivers].map((lines) => lines.map((line) => line.slice(0, 24)));
    const drawn = [
      ...column(middle?.slice(0, 4) ?? [], 230),
      ...column(left ?? [], 50),
      ...column(right ?? [], 410),
      ...column(middle?.slice(4) ?? [], 230, 640),
    ];
    const texts = (await linesOf(folder, drawn)).map(({ text }) => text);
    expect(texts).toEqual([...(left ?? []), ...(middle ?? []), ...(right ?? [])].map((line) => line.trim()));
  });

  test('and a line crosses them, then the columns above it are read before those below', async () => {
    const drawn = [
      ...column(engines.slice(0, 4), 320),
      ...column(rivers.slice(0, 4), 50),
      { text: `${rivers[9]} and ${engines[9]} and so on to the end of the line`, x: 50, y: 600 },
      ...column(engines.slice(4, 8), 320, 560),
      ...column(rivers.slice(4, 8), 50, 560),
    ];
    const texts = (await linesOf(folder, drawn)).map(({ text }) => text);
    expect(texts.filter((_, at) => at !== 8)).toEqual([
      ...rivers.slice(0, 4),
      ...engines.slice(0, 4),
      ...rivers.slice(4, 8),
      ...engines.slice(4, 8),
    ]);
  });
});

describe('When a word is split at a hyphen', () => {
  test.each([
    ['first parts that are words by chance are joined', ['Retrieval was done by us-', 'ing dense vectors'], 'using'],
    ['a word that is elsewhere on the page is joined', ['All of the in-', 'formation is information'], 'information'],
    ['a compound that is elsewhere on the page keeps it', ['A dual-', 'encoder is a dual-encoder'], 'dual-encoder'],
  ])('%s', async (_, lines, expected) => {
    const drawn = `BT /F 10 Tf 12 TL 50 700 Td ${lines.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
    expect((await textsOf(drawn))[0]?.split(' ').at(-1)).toBe(expected);
  });
});
