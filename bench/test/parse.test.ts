import { wordBagF1, wordsOf } from '../src/parse/agreement';

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
