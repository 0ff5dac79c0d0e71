import { tokens } from '../src/static/tokens';

const textsOf = (text: string) => [...tokens(text)].map((token) => token.text);

describe('The tokens of a text', () => {
  test.each([
    ['case and punctuation', 'Net Sales, (Total)!', ['net', 'sales', 'total']],
    ['grouped figures', '$46,298 (1,234,567.50)', ['46298', '1234567.5']],
    ['numbers in a list', '1,2,3', ['1', '2', '3']],
    ['decimals', '0.50 12.00 3.', ['0.5', '12', '3']],
    ['letters beside digits', 'FY2023 10-K', ['fy', '2023', '10', 'k']],
    ['possessives', "Amcor's company’s don't", ['amcor', 'company', 'dont']],
    ['initials', 'the U.S. market', ['the', 'us', 'market']],
    ['ligatures and soft hyphens', 'ﬁnan\u00adcial', ['financial']],
    ['accents, composed or not', 'cafe\u0301 café', ['café', 'café']],
    [
      'letters that go on beyond ASCII',
      'naïve ab\u0301 x\u0304y 12\u0663',
      ['naïve', 'ab\u0301', 'x\u0304y', '12\u0663'],
    ],
    ['single letters and points', 'a.b c. d.e.f', ['a', 'b', 'c', 'de', 'f']],
    ['commas that group nothing', '12,34 1,2345 7,', ['12', '34', '1234', '5', '7']],
    ['characters beyond 16 bits and halves of them', '\u{1f600}ab \ud83dcd \u{1d7d8}', ['ab', 'cd', '0']],
    ['ideographs', 'PDF文書', ['pdf', '文', '書']],
    ['leaders and rules', '..... _____ ---', []],
  ])('When the text holds %s, then its tokens are plain', (_, text, expected) => {
    expect(textsOf(text)).toEqual(expected);
  });

  test('When a token is a number, then its kind is number', () => {
    expect([...tokens('in 2023')].map((token) => token.kind)).toEqual(['word', 'number']);
  });
});
