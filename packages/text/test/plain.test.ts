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

  test('and it has form feeds, then its pages are exactly those, however long they are', () => {
    const long = Array.from({ length: 40 }, (_, index) => `${index} ${'words '.repeat(60)}`).join('\r\n\r\n');
    const endsOf = (content: string | Buffer, charset?: string) =>
      read(content, 'text/plain', charset).pages.map(({ lines }) => lines.at(-1)?.text.slice(-5));
    expect(endsOf(`${long}\r\n\fsecond\r\n\f${long}\flast`)).toEqual(['words', 'econd', 'words', 'last']);
    expect(endsOf(Buffer.from(`${long}\ftail`, 'utf16le'), 'utf-16le')).toEqual(['words', 'tail']);
    // In UTF-16, a byte of a letter may be that of a form feed.
    expect(endsOf(Buffer.from(`${long}\n\n\u0c0c`, 'utf16le'), 'utf-16le').length).toBeGreaterThan(4);
    // A million characters are no page.
    expect(endsOf(`${long.repeat(100)}\ftail`).length).toBeGreaterThan(100);
  });

  test('and it has more form feeds than pages are allowed, then it fails; pages without form feeds have no limit', () => {
    const readUpTo = (content: string) => read(content, 'text/plain', null, 3).pages.length;
    expect(() => readUpTo('a\fb\fc\fd')).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_MANY_PAGES' }));
    expect(readUpTo('a\fb\fc')).toBe(3);
    expect(readUpTo('words\n\n'.repeat(5_000))).toBe(9);
  });

  test('and it has subtitles, then each is a paragraph with its times', () => {
    expect(
      plain(
        '\uFEFF1\r\n00:00:01,000 --> 00:00:02,500\r\n- Go,\r\n<i>softly</i>\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\n{\\an8}1.    Stop\r\n',
      ),
    ).toEqual(['1 00:00:01,000 --> 00:00:02,500 - Go, softly', '2 00:00:03,000 --> 00:00:04,000 1. Stop']);
    expect(
      plain(
        'WEBVTT\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Go <00:01.500><c.x>on</c>\n\nNOTE done\nand so on',
      ),
    ).toEqual(['WEBVTT', 'intro 00:01.000 --> 00:02.000 Ann: Go on', 'NOTE done and so on']);
    expect(
      plain('1\n00:01,000 --> 00:02,000\nGo\n2\n00:03,000 --> 00:04,000\nStop\n00:05,000 --> 00:06,000\nEnd'),
    ).toEqual(['1 00:01,000 --> 00:02,000 Go', '2 00:03,000 --> 00:04,000 Stop', '00:05,000 --> 00:06,000 End']);
    expect(plain('The arrow -->\n- is no time: 1 --> 2')).toEqual(['The arrow -->', '- is no time: 1 --> 2']);
  });

  test.each([
    ['spaces', `<v${' '.repeat(60_000)}`],
    ['classes', '<v.a'.repeat(15_000)],
  ])('and a speaker in subtitles consists of %s, then reading takes less than five seconds', (_, line) => {
    const start = process.cpuUsage();
    plain(`00:01.000 --> 00:02.000\n${line}\n`);
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });

  test('and a soft hyphen divides a word at the end of a line, then the word is joined', () => {
    expect(plain('Wind\u00AD\nmill and wa\u00ADter')).toEqual(['Windmill and water']);
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

/** UTF-32LE. */
function utf32(text: string): Buffer {
  const bytes = Buffer.alloc(4 * [...text].length);
  for (const [index, character] of [...text].entries()) {
    bytes.writeUInt32LE(character.codePointAt(0) ?? 0, 4 * index);
  }
  return bytes;
}

describe('When text is in an encoding', () => {
  const text = 'Größe, naïve, 東京, “quoted” — €5.';

  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16LE', Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['UTF-16BE', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['UTF-32LE', utf32(`\uFEFF${text}`)],
    ['UTF-32BE', utf32(`\uFEFF${text}`).swap32()],
    ['UTF-16LE without a byte order mark', Buffer.from(text, 'utf16le')],
    ['UTF-16BE without a byte order mark', Buffer.from(text, 'utf16le').swap16()],
    ['UTF-32LE without a byte order mark', utf32(text)],
    ['UTF-32BE without a byte order mark', utf32(text).swap32()],
    ['UTF-8 with byte order marks inside', Buffer.from(`\uFEFF\uFEFFGröße, \uFEFF${text.slice(7)}`)],
  ])('such as %s, then it is read', (_name, bytes) => {
    expect(plain(bytes)).toEqual([text]);
  });

  test.each([
    ['Мельница стоит у реки.\n'.repeat(5_000)],
    ['水车在河边转动。\n这是第二行，它也很长。\n'.repeat(5_000)],
    ['ab\r\n'],
  ])('such as UTF-16 without a byte order mark, then text in any script is read', (content) => {
    const expected = plain(content);
    expect(plain(Buffer.from(content, 'utf16le'))).toEqual(expected);
    expect(plain(Buffer.from(content, 'utf16le').swap16())).toEqual(expected);
    expect(plain(utf32(content))).toEqual(expected);
  });

  test('such as UTF-32, then characters outside of the first plane and bad ones are read', () => {
    const faces = `${'x'.repeat(40_000)} 😀`;
    expect(plain(utf32(`\uFEFF${faces}`)).join('')).toBe(
      faces.replace(' ', '') === faces ? faces : plain(faces).join(''),
    );
    expect(plain(utf32('\uFEFFtext').subarray(0, -1))).toEqual(['tex\uFFFD']);
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
    ['a NUL in UTF-32', utf32('\uFEFFa\0b')],
    ['a number that is no character of UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0, 0, 0x11, 0])],
    ['a NUL at an odd place', Buffer.from('abc\0defghijkl')],
    ['small numbers of two bytes', Buffer.from([1, 0, 2, 0, 65, 0])],
    [
      'numbers of two bytes',
      Buffer.from(Uint16Array.from({ length: 2_000 }, (_, index) => (index * 7_919) % 65_536).buffer),
    ],
  ])('and it contains %s, then it is not text', (_what, bytes) => {
    expect(() => plain(bytes)).toThrow(expect.objectContaining({ code: 'TEXT_UNREADABLE' }));
  });
});
