import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MediaType } from '@millrace/contracts';
import { MediaTypeDetector, namedOrExtension, namedType } from '../src/uploads/mediaType';

/** Recognizes bytes that pass in pieces of `pieceBytes`. */
function detect(bytes: Buffer, named?: string, pieceBytes = bytes.length): MediaType | string {
  const detector = new MediaTypeDetector(named === undefined ? undefined : namedType(named), null);
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      detector.add(bytes.subarray(at, at + pieceBytes));
    }
    return detector.end().mimeType;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const refused = 'UNSUPPORTED_MEDIA_TYPE';
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const zip = Buffer.from('504b0304140000000800', 'hex');
const html = '<!DOCTYPE html><p>text</p>';

describe('A file', () => {
  test.each<[string, Buffer, string | undefined, string]>([
    ['a PDF', Buffer.from('%PDF-1.7\n\xff\0', 'latin1'), undefined, 'application/pdf'],
    ['a PDF that is named a text', Buffer.from('%PDF-1.7\n'), 'notes.txt', 'application/pdf'],
    ['a PDF after some junk', Buffer.from('junk\0\n%PDF-1.7\n'), 'a.pdf', 'application/pdf'],
    ['a text that mentions the header of a PDF', Buffer.from('It begins with %PDF-1.7'), 'notes.md', 'text/markdown'],
    [
      'a PDF after some junk, named a text',
      Buffer.from('junk\n%PDF-1.7\n%\xe2\xe3\0', 'latin1'),
      'a.txt',
      'application/pdf',
    ],
    ['text that is named a PDF', Buffer.from('just text'), 'a.pdf', refused],
    ['text without a name', Buffer.from('just text'), undefined, 'text/plain'],
    ['text of an unknown name', Buffer.from('a,b\n1,2'), 'table.csv', 'text/plain'],
    ['Markdown by name', Buffer.from('# A'), 'A.MD', 'text/markdown'],
    ['subtitles by type', Buffer.from('1\n00:00:01,000 --> 00:00:02,000\nGo'), 'application/x-subrip', 'text/plain'],
    ['UTF-16 without a byte order mark', Buffer.from('A <b>text', 'utf16le'), 'text/plain', 'text/plain'],
    ['Markdown by type', Buffer.from('# A'), 'text/x-markdown', 'text/markdown'],
    ['HTML by name', Buffer.from('text'), 'a.htm', 'text/html'],
    ['HTML by type', Buffer.from('text'), 'application/xhtml+xml', 'text/html'],
    ['HTML by its beginning', Buffer.from(`\n<!-- x -->\n${html}`), undefined, 'text/html'],
    ['HTML by its beginning, named a text', Buffer.from(html), 'a.txt', 'text/html'],
    ['HTML by its beginning, with a byte order mark', Buffer.from(`\uFEFF${html}`), undefined, 'text/html'],
    ['HTML by its beginning, in UTF-16', Buffer.from(`\uFEFF${html}`, 'utf16le'), undefined, 'text/html'],
    ['Markdown that begins with HTML', Buffer.from(html), 'a.md', 'text/markdown'],
    ['Latin-1', Buffer.from('Größe', 'latin1'), 'a.txt', 'text/plain'],
    ['a picture', png, 'a.png', refused],
    ['a picture that is named a text', png, 'a.txt', refused],
    ['an office document', zip, 'a.docx', refused],
    ['a NUL at the end', Buffer.concat([Buffer.alloc(200_000, 'text '), Buffer.from([0])]), 'a.txt', refused],
    ['RTF', Buffer.from('{\\rtf1\\ansi Text.}'), 'a.rtf', refused],
    ['RTF that is named a text', Buffer.from('{\\rtf1\\ansi Text.}'), 'a.txt', refused],
    ['PostScript', Buffer.from('%!PS-Adobe-3.0\n%%Pages: 1\n'), undefined, refused],
    ['UTF-16 that is cut off', Buffer.from('\uFEFFtext', 'utf16le').subarray(0, -1), 'a.txt', 'text/plain'],
    [
      'a byte order mark of UTF-16 before half a character',
      Buffer.from([0xff, 0xfe, 0x41, 0xd8, 0x41, 0x00]),
      'a.txt',
      refused,
    ],
  ])('When it is %s, then it is recognized, whatever the size of its pieces', (_what, bytes, named, expected) => {
    for (const pieceBytes of [bytes.length, 1, 7, 1000]) {
      expect(detect(bytes, named, pieceBytes)).toBe(expected);
    }
  });

  test('When it is neither a PDF nor text, then it is refused before all of it has passed', () => {
    const detector = new MediaTypeDetector(undefined, null);
    expect(() => detector.add(Buffer.concat([png, Buffer.alloc(2000)]))).toThrow(
      expect.objectContaining({ code: refused, extra: { accepted: expect.arrayContaining(['application/pdf']) } }),
    );
  });

  test('When it begins with very many comments, then it is recognized without much work', () => {
    const start = process.cpuUsage();
    expect(detect(Buffer.from(`${'<!---->'.repeat(140)}x`))).toBe('text/plain');
    expect(detect(Buffer.from(`${'<!---->'.repeat(140)}${html}`))).toBe('text/html');
    expect(process.cpuUsage(start).user).toBeLessThan(1_000_000);
  });
});

describe('The charset that a client names', () => {
  const typed = (bytes: Buffer, charset: string, name = 'a.txt') => {
    const detector = new MediaTypeDetector(namedType(name), charset);
    detector.add(bytes);
    return detector.end();
  };
  const russian = Buffer.from([0xec, 0xeb, 0xe8, 0xed]);

  test('When the text is read in it because of that, then it is kept', () => {
    expect(typed(russian, 'windows-1251')).toEqual({ mimeType: 'text/plain', charset: 'windows-1251' });
    expect(typed(russian, 'windows-1252', 'a.html')).toEqual({ mimeType: 'text/html', charset: 'windows-1252' });
    expect(typed(Buffer.from('text', 'utf16le'), 'utf-16le').charset).toBe('utf-16le');
    expect(typed(Buffer.from('<html>', 'utf16le'), 'utf-16le').mimeType).toBe('text/html');
    expect(typed(Buffer.from('Größe'), 'utf-8').charset).toBeNull();
    expect(typed(Buffer.from('\uFEFFtext'), 'windows-1251').charset).toBeNull();
    expect(typed(russian, 'utf-8').charset).toBeNull();
    expect(typed(Buffer.from('%PDF-1.7'), 'windows-1251')).toEqual({ mimeType: 'application/pdf', charset: null });
  });

  test('When the file is not a text, then the file is still refused', () => {
    for (const charset of ['windows-1251', 'shift_jis', 'utf-16le']) {
      expect(() => typed(png, charset)).toThrow(expect.objectContaining({ code: refused }));
    }
  });
});

test.each([
  ['text/plain', 'notes.md', 'text/markdown'],
  ['text/plain', 'scan.pdf', 'application/pdf'],
  ['text/plain', 'notes', 'text/plain'],
  ['text/html', 'notes.md', 'text/html'],
  ['application/octet-stream', 'notes.md', 'text/markdown'],
  ['application/octet-stream', 'constructor', undefined],
])('When a file comes as %s with the name %s, then the client names the type %s', (contentType, name, expected) => {
  expect(namedOrExtension(contentType, name)).toBe(expected);
});

const corpus = join(__dirname, '../../../../shared/corpus/hostile');
if (existsSync(corpus)) {
  test('When the unusual and broken PDFs of the corpus are uploaded, then all but one are taken for PDFs', () => {
    const files = readdirSync(corpus).filter((file) => file.endsWith('.pdf'));
    const others = files.filter((file) => detect(readFileSync(join(corpus, file)), file) !== 'application/pdf');
    expect(others).toEqual(['bug1606566.pdf']);
    expect(detect(readFileSync(join(corpus, 'bug1606566.pdf')), 'bug1606566.pdf')).toBe(refused);
  });
} else {
  console.warn('The types of the corpus (../shared/corpus) are not tested: it is absent.');
}
