import { charsetOf } from '../src';
import { linesOf } from './read';

const plain = (content: string | Buffer, charset: string) =>
  linesOf(content, 'text/plain', charsetOf(`text/plain; charset=${charset}`));
const html = (content: Buffer, charset: string) =>
  linesOf(content, 'text/html', charsetOf(`text/html; charset=${charset}`));
const mill = Buffer.from([0xec, 0xeb, 0xe8, 0xed]); // млин in windows-1251

describe('When a content type names a charset', () => {
  test.each([
    ['text/plain; charset=windows-1251', 'windows-1251'],
    ['text/plain;charset="ISO-8859-1"', 'windows-1252'],
    ["text/plain; format=flowed; Charset = 'utf-16'", 'utf-16le'],
    ['text/html; charset=UTF8; x=y', 'utf-8'],
    ['text/plain; charset=no-such', null],
    ['text/plain; charset=iso-2022-kr', null],
    ['text/plain; charset=', null],
    ['text/plain', null],
  ])('as in %s, then the encoding is %s', (contentType, expected) => {
    expect(charsetOf(contentType)).toBe(expected);
  });
});

describe('When a charset is declared', () => {
  test.each([
    ['windows-1251', mill, 'млин'],
    ['windows-1252', mill, 'ìëèí'],
    ['iso-8859-2', Buffer.from([0xb3, 0xf3, 0x64, 0xbc]), 'łódź'],
    ['shift_jis', Buffer.from([0x93, 0x8c, 0x8b, 0x9e]), '東京'],
    ['iso-2022-jp', Buffer.from('\x1b$BEl5~\x1b(B', 'latin1'), '東京'],
    ['utf-16le', Buffer.from('Größe 東京', 'utf16le'), 'Größe 東京'],
    ['utf-16be', Buffer.from('Größe 東京', 'utf16le').swap16(), 'Größe 東京'],
    // These bytes are also valid UTF-8.
    ['gbk', Buffer.from([0xc1, 0xaa, 0xcd, 0xa8]), '联通'],
  ])('and it is %s, then the text is read in it', (charset, bytes, text) => {
    expect(plain(bytes, charset)).toEqual([text]);
    expect(plain(bytes, charset)).toEqual(plain(bytes, charset));
  });

  test.each([
    ['UTF-8', Buffer.from('\uFEFFGröße')],
    ['UTF-16', Buffer.from('\uFEFFGröße', 'utf16le')],
  ])('and the text has a byte order mark of %s, then the byte order mark wins', (_name, bytes) => {
    expect(plain(bytes, 'windows-1251')).toEqual(['Größe']);
  });

  test('and it is wrong or unknown, then the text is read as if no charset were declared', () => {
    expect(plain(mill, 'utf-8')).toEqual(['ìëèí']);
    expect(plain(Buffer.from([0x61, 0xff]), 'shift_jis')).toEqual(['aÿ']);
    expect(plain(Buffer.from('odd'), 'utf-16le')).toEqual(['odd']);
    expect(plain(Buffer.from('Größe'), 'no-such')).toEqual(['Größe']);
  });

  test.each([
    ['utf-8', Buffer.from('Größe 東京').subarray(0, -1), 'Größe 東\uFFFD'],
    ['shift_jis', Buffer.from([0x93, 0x8c, 0x8b, 0x9e, 0x93]), '東京\uFFFD'],
    ['utf-16le', Buffer.from('Größe', 'utf16le').subarray(0, -1), 'Größ\uFFFD'],
  ])(
    'and the text is cut off within a character of %s, then it is read in that charset',
    (charset, bytes, expected) => {
      expect(plain(bytes, charset)).toEqual([expected]);
    },
  );

  test('and it is Latin-1, then UTF-8 is preferred', () => {
    expect(plain('Größe', 'iso-8859-1')).toEqual(['Größe']);
    expect(plain('Größe', 'us-ascii')).toEqual(['Größe']);
  });

  test('and HTML declares another charset, then the charset of the content type is used', () => {
    const declaring = (charset: string) => Buffer.concat([Buffer.from(`<meta charset="${charset}"><p>`), mill]);
    expect(html(declaring('koi8-r'), 'windows-1251')).toEqual(['млин']);
    expect(html(declaring('windows-1251'), 'iso-8859-1')).toEqual(['ìëèí']);
    expect(html(declaring('windows-1251'), 'no-such')).toEqual(['млин']);
    expect(html(declaring('utf-16'), 'no-such')).toEqual(['ìëèí']);
  });

  test('and the bytes contain control characters, then they are not text', () => {
    for (const charset of ['windows-1251', 'shift_jis', 'windows-1252']) {
      expect(() => plain(Buffer.from([0xff, 0x01, 0x41]), charset)).toThrow(
        expect.objectContaining({ code: 'TEXT_UNREADABLE' }),
      );
    }
  });
});

describe('When no charset is declared', () => {
  const undeclared = (bytes: readonly number[]) => linesOf(Buffer.from(bytes), 'text/plain');
  const latin1 = (text: string) => [...Buffer.from(text, 'latin1')];

  test.each([
    ['Shift-JIS', [0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea, 0x82, 0xcc, 0x95, 0xb6, 0x82, 0xc5, 0x82, 0xb7]],
    ['EUC-JP', [0xc6, 0xfc, 0xcb, 0xdc, 0xb8, 0xec, 0xa4, 0xce, 0xca, 0xb8, 0xa4, 0xc7, 0xa4, 0xb9]],
  ])('and a text is Japanese in %s, then it is read as Japanese', (_, bytes) => {
    expect(undeclared([...latin1('OK: '), ...bytes])).toEqual(['OK: 日本語の文です']);
  });

  test.each([
    'Die Mühle mahlt früh über dem großen Fluß, für die Müller.',
    'Été à Orléans : où est-il né, près du château où l’on goûte ?'.replace('’', "'"),
    '¤ 5,00 per page; °C ± 2; «so» Ârret',
    'Ísland á sér sögu, þótt ýmsir álíti að það sé ört',
  ])('and a text is Western ("%s"), then it is not taken for Japanese', (text) => {
    expect(undeclared(latin1(text))).toEqual([text]);
  });
});
