import { acceptedTypes } from '@millrace/contracts';
import { readerOf, readers } from '../src/readers/readerTable';

test('Every accepted media type has one reader, with and without parameters', () => {
  expect(readers.flatMap(({ mediaTypes }) => mediaTypes).sort()).toEqual([...acceptedTypes].sort());
  for (const type of acceptedTypes) {
    expect(readerOf(type).mediaTypes).toContain(type);
    expect(readerOf(`${type}; charset=windows-1251`)).toBe(readerOf(type));
  }
});

test('When a media type has no reader, then the error names it', () => {
  expect(() => readerOf('application/zip')).toThrow('No reader reads application/zip.');
});
