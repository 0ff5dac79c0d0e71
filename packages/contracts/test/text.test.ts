import { contentHashOf, normalizeText, sha256Hex } from '../src';

/** All characters that count as white space, the plain space included. */
const spaces = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).filter((character) =>
  /\s/u.test(character),
);

describe('The text that is hashed for the embedding cache', () => {
  test('Two white space characters of any kind become one space', () => {
    for (const first of ['', ...spaces]) {
      for (const second of spaces) {
        expect(normalizeText(`a${first}${second}b`)).toBe('a b');
      }
    }
  });

  test('When a text has white space at its ends, then it is removed, and single spaces stay', () => {
    expect(normalizeText('\n\t one two\u00a0three \u3000')).toBe('one two three');
  });

  test('When letters are composed in another way, then the hash is the same; the hash never changes', () => {
    expect(contentHashOf('cafe\u0301\r\n bar')).toBe(contentHashOf('caf\u00e9 bar'));
    expect(contentHashOf('a \n b')).toBe(sha256Hex('a b'));
    expect(sha256Hex('a b')).toBe('c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65');
  });
});
