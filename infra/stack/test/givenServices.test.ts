import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext } from '../src';
import { givenUrl } from '../src/services/givenServices';

describe('The URL of a given PostgreSQL', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-given-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const given = (environment: Record<string, string>) =>
    givenUrl(createContext({ root: folder, environment, stateDir: folder }), 'postgres');
  const url = 'postgresql://u@db.example.org/millrace';

  test('When a CA file is given beside it, then it holds the file, unless it names one', () => {
    expect(given({ DATABASE_URL: url })).toBe(url);
    expect(given({ DATABASE_URL: url, DATABASE_CA_FILE: '/ca.pem' })).toBe(`${url}?sslrootcert=%2Fca.pem`);
    const own = `${url}?sslrootcert=/own.pem`;
    expect(given({ DATABASE_URL: own, DATABASE_CA_FILE: '/ca.pem' })).toBe(own);
  });

  test('When there is none, or it is not one, then nothing is made of it', () => {
    expect(given({ DATABASE_URL: '', DATABASE_CA_FILE: '/ca.pem' })).toBeUndefined();
    expect(given({ DATABASE_URL: 'nonsense', DATABASE_CA_FILE: '/ca.pem' })).toBe('nonsense');
  });
});
