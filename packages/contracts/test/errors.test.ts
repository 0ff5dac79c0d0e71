import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asSentence, errorCatalogue } from '../src';
import { withErrorReference } from '../src/errors/errorReference';

describe.each(Object.entries(errorCatalogue))('The error code %s', (_code, { title, advice }) => {
  test('has a title that is one short sentence without a full stop', () => {
    expect(title).toMatch(/^[A-Z][^.;!?]*[^.;!?\s]$/);
    expect(title.length).toBeLessThan(80);
  });

  test('has advice in sentences that end with full stops', () => {
    expect(advice).toMatch(/^[A-Z][^;]*\.$/);
  });
});

test('docs/api.md has every error code with its advice', () => {
  const text = readFileSync(join(__dirname, '../../../docs/api.md'), 'utf8');
  // To write it again: node packages/contracts/dist/writeErrorReference.js
  expect(text).toBe(withErrorReference(text));
});

test.each([
  ['connect ECONNREFUSED', 'connect ECONNREFUSED.'],
  ['It ends.', 'It ends.'],
  ['Really?', 'Really?'],
  ['', ''],
])('When the message of another program is %j, then the sentence is %j', (message, sentence) => {
  expect(asSentence(message)).toBe(sentence);
});
