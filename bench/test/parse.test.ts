import { wordBagF1, wordsOf } from '../src/parse/agreement';

describe('wordsOf', () => {
  it('When a text has hyphens, ligatures and wide spaces, then they make no difference', () => {
    expect(wordsOf('co\u00adoperate\u3000ﬁrst-rate\n\tend')).toEqual(['cooperate', 'firstrate', 'end']);
  });
});

describe('wordBagF1', () => {
  it('When the words are the same in another order, then it is 1', () => {
    expect(wordBagF1(['a', 'b', 'a'], ['a', 'a', 'b'])).toBe(1);
  });

  it('When a word occurs more often on one side, then only the common occurrences count', () => {
    expect(wordBagF1(['a', 'a', 'a'], ['a'])).toBe(0.5);
  });

  it('When neither side has words, then it is null', () => {
    expect(wordBagF1([], [])).toBeNull();
    expect(wordBagF1(['a'], [])).toBe(0);
  });
});
