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
    ['ideographs', 'PDF文書', ['pdf', '文', '書']],
    ['leaders and rules', '..... _____ ---', []],
  ])('When the text holds %s, then its tokens are plain', (_, text, expected) => {
    expect(textsOf(text)).toEqual(expected);
  });

  test('When a token is a number, then its kind is number', () => {
    expect([...tokens('in 2023')].map((token) => token.kind)).toEqual(['word', 'number']);
  });
});
