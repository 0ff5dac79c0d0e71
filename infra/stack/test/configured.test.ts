import { configuredUrl } from '../src/backing/configured';
import { cleanUp, makeContext } from './helpers';

afterAll(cleanUp);

const url = 'postgresql://u@db.example.org/millrace';
const urlFor = (environment: Record<string, string>) => configuredUrl(makeContext(environment), 'postgres');

test('When a CA file is configured, then the database URL names it unless it names another one', () => {
  expect(urlFor({ DATABASE_URL: url })).toBe(url);
  expect(urlFor({ DATABASE_URL: url, DATABASE_CA_FILE: '/ca.pem' })).toBe(`${url}?sslrootcert=%2Fca.pem`);
  const own = `${url}?sslrootcert=/own.pem`;
  expect(urlFor({ DATABASE_URL: own, DATABASE_CA_FILE: '/ca.pem' })).toBe(own);
});

test('When the database URL is empty or not a URL, then a CA file changes nothing', () => {
  expect(urlFor({ DATABASE_URL: '', DATABASE_CA_FILE: '/ca.pem' })).toBeUndefined();
  expect(urlFor({ DATABASE_URL: 'nonsense', DATABASE_CA_FILE: '/ca.pem' })).toBe('nonsense');
});

test('When the database has another name of its variable, then it is found, and DATABASE_URL wins over it', () => {
  const other = 'postgresql://u@other.example.org/millrace';
  expect(urlFor({ DATABASE_CONNECTION_STRING: other })).toBe(other);
  expect(urlFor({ DATABASE_CONNECTION_STRING: other, DATABASE_URL: '' })).toBe(other);
  expect(urlFor({ DATABASE_CONNECTION_STRING: other, DATABASE_URL: url })).toBe(url);
});
