import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPdf } from '@millrace/pdf';
import { wordBagF1, wordsOf } from '../src/parse/agreement';
import { writeLargePdf } from '../src/parse/largePdf';

describe('wordsOf', () => {
  it('When a text holds hyphens, ligatures and wide spaces, then they do not count as a difference', () => {
    expect(wordsOf('co\u00adoperate\u3000ﬁrst-rate\n\tend')).toEqual(['cooperate', 'firstrate', 'end']);
  });
});

describe('wordBagF1', () => {
  it('When the words are the same in another order, then it is 1', () => {
    expect(wordBagF1(['a', 'b', 'a'], ['a', 'a', 'b'])).toBe(1);
  });

  it('When a word is there more often on one side, then only as many count as are on both', () => {
    expect(wordBagF1(['a', 'a', 'a'], ['a'])).toBe(0.5);
  });

  it('When neither side has words, then there is nothing to say', () => {
    expect(wordBagF1([], [])).toBeNull();
    expect(wordBagF1(['a'], [])).toBe(0);
  });
});

describe('writeLargePdf', () => {
  it('When it has written a PDF, then every page holds 60 kB and text of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-large-'));
    try {
      const path = join(folder, 'large.pdf');
      expect(await writeLargePdf(path, 3)).toBe((await stat(path)).size);
      expect((await stat(path)).size).toBeGreaterThan(3 * 60_000);
      const file = await openPdf(path);
      const texts = [1, 2, 3].map((page) => file.readPage(page).text);
      file.close();
      expect(new Set(texts).size).toBe(3);
      expect(texts.every((text) => text.length > 2_000)).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
