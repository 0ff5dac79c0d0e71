import fc from 'fast-check';
import { linesOf, read } from './read';

const plain = (content: string | Buffer) => linesOf(content, 'text/plain');

describe('When plain text is read', () => {
  test('then the lines of a paragraph are joined, and paragraphs are not', () => {
    expect(plain('One paragraph\nover two lines.\n\nAnother\r\none.\n \nA third.\n')).toEqual([
      'One paragraph over two lines.',
      'Another one.',
      'A third.',
    ]);
  });

  test('then list items stay separate, with the lines that continue them', () => {
    expect(plain('Things:\n- one\n  of them\n- two\n1. first\n2) second\n• dot')).toEqual([
      'Things:',
      '- one of them',
      '- two',
      '1. first',
      '2) second',
      '• dot',
    ]);
  });

  test('then columns become cells of rows', () => {
    expect(plain('Figures\nRevenue    1,200     1,100\nCosts\t\t800\t700\nas shown')).toEqual([
      'Figures',
      'Revenue\t1,200\t1,100',
      'Costs\t800\t700',
      'as shown',
    ]);
  });

  test('then white space and control characters become one space, or one tab if they contain a tab', () => {
    expect(plain('a \u00a0\u0001 b \u2003\t \t c\t\n')).toEqual(['a b\tc']);
  });

  test('then form feeds end pages, even empty ones, and pages have no size', () => {
    const { pages, title } = read('first\f\fthird\nand\fx\f', 'text/plain');
    expect(pages.map(({ page, lines }) => [page, lines.map(({ text }) => text)])).toEqual([
      [1, ['first']],
      [2, []],
      [3, ['third and']],
      [4, ['x']],
    ]);
    expect(pages[0]).toMatchObject({ width: 0, height: 0, lines: [{ x0: 0, y0: 0, x1: 0, y1: 0, bold: false }] });
    expect(title).toBeNull();
  });

  test('then a page ends with the last paragraph that keeps it under three thousand characters', () => {
    const paragraphs = Array.from({ length: 40 }, (_, index) => `${index} ${'words '.repeat(60)}`.trim());
    const { pages } = read(paragraphs.join('\n\n'), 'text/plain');
    expect(pages.flatMap(({ lines }) => lines.map(({ text }) => text))).toEqual(paragraphs);
    const sizes = pages.map(({ lines }) => lines.reduce((sum, { text }) => sum + text.length, 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3000);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(2500);
  });

  test('and it is blank, then there is one empty page', () => {
    expect(read(' \n\n ', 'text/plain').pages).toEqual([{ page: 1, width: 0, height: 0, lines: [] }]);
  });

  test('and it is one long line, then it is cut at spaces, or between characters where there are none', () => {
    const words = 'flour '.repeat(20_000).trim();
    expect(plain(words).join(' ') === words).toBe(true);
    const faces = '😀'.repeat(50_001);
    const lines = plain(faces);
    expect(lines.join('') === faces).toBe(true);
    expect(lines.every((line) => line.isWellFormed() && line.length <= 3000)).toBe(true);
  });

  test('then every visible character is on exactly one line, in order, and no line is empty', () => {
    const visible = (text: string) => text.replace(/[\s\p{Cc}]+/gu, '');
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\n', '\n\n', '\r\n', '\r', '\f', '\t', '    ', '- ', '1. ', 'word '.repeat(900)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces
          .join('')
          .replaceAll('\0', '')
          .replace(/^\uFEFF+/u, '');
        const lines = plain(text);
        expect(visible(lines.join(''))).toBe(visible(text));
        expect(lines.every((line) => line.trim() !== '' && !/[\r\n\f]/.test(line))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('When text is in an encoding', () => {
  const text = 'Größe, naïve, 東京, “quoted” — €5.';

  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
  ])('such as %s, then it is read', (_name, bytes) => {
    expect(plain(bytes)).toEqual([text]);
  });

  test('such as Latin-1 or windows-1252, then it is read', () => {
    expect(plain(Buffer.from('Größe, naïve', 'latin1'))).toEqual(['Größe, naïve']);
    expect(plain(Buffer.from([0x93, 0x61, 0x94, 0x20, 0x80, 0x35]))).toEqual(['“a” €5']);
  });

  test('and a character is split between two pieces, then it is read', () => {
    const long = `${'a'.repeat(64 * 1024 - 1)}é${'b'.repeat(10)}`;
    expect(plain(long).join('') === long).toBe(true);
  });

  test.each([
    ['UTF-8', Buffer.from(text).subarray(0, -3), 'Größe, naïve, 東京, “quoted” — \uFFFD'],
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFtext€').subarray(0, -2), 'text\uFFFD'],
    ['UTF-8 with two bytes left of its only long character', Buffer.from('text€').subarray(0, -1), 'text\uFFFD'],
    ['UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le').subarray(0, -1), text.replace(/\.$/u, '\uFFFD')],
    ['UTF-16 within a surrogate pair', Buffer.from('\uFEFFtext😀', 'utf16le').subarray(0, -2), 'text\uFFFD'],
  ])('and it is cut off within a character of %s, then the text before is read', (_name, bytes, expected) => {
    expect(plain(bytes)).toEqual([expected]);
  });

  test('and it is cut off at the end of a piece, then the text before is read', () => {
    const long = Buffer.from(`é${'a'.repeat(64 * 1024 - 3)}€`).subarray(0, 64 * 1024);
    expect(plain(long).at(-1)?.endsWith('a\uFFFD')).toBe(true);
    expect(plain(long)[0]?.startsWith('éa')).toBe(true);
  });

  test('and its only accented letter is the last byte, then it is Latin-1', () => {
    expect(plain(Buffer.from('café', 'latin1'))).toEqual(['café']);
  });

  test('and a byte after the byte order mark of UTF-8 is bad, then the other bytes are read', () => {
    const bytes = Buffer.concat([Buffer.from('\uFEFFGröße '), Buffer.from([0xff]), Buffer.from(' 東京')]);
    expect(plain(bytes)).toEqual(['Größe \uFFFD 東京']);
  });

  test.each([
    ['a NUL', Buffer.from('text\0more')],
    ['only a NUL', Buffer.from([0])],
    ['a NUL after a megabyte', Buffer.concat([Buffer.alloc(1024 * 1024, 'a'), Buffer.from([0])])],
    ['control characters in no known encoding', Buffer.from([0xff, 0x01, 0x41])],
    ['half a character in the middle of UTF-16', Buffer.from([0xff, 0xfe, 0x41, 0xd8, 0x41, 0x00])],
    ['a NUL after the byte order mark of UTF-8', Buffer.from('\uFEFFa\0b')],
    ['a NUL in UTF-16', Buffer.from('\uFEFFa\0b', 'utf16le')],
  ])('and it contains %s, then it is not text', (_what, bytes) => {
    expect(() => plain(bytes)).toThrow(expect.objectContaining({ code: 'TEXT_UNREADABLE' }));
  });
});
