import { checkVectorVersions, isOlder } from '../src';

const check = (available: string | null, installed: string | null = available) =>
  checkVectorVersions({ available, installed });

test.each(['0.8.4', '0.8.7', '0.8.10', '0.9.0', '1.0'])(
  'When pgvector is version %s, then there is no warning',
  (version) => {
    expect(check(version)).toBeNull();
  },
);

test.each(['0.8.0', '0.8.1', '0.8.3'])(
  'When pgvector is version %s, then the warning says why, and how to repair what it left',
  (version) => {
    expect(check(version)).toMatch(/CVE-2026-3172.*VACUUM.*0\.8\.4.*ALTER EXTENSION vector UPDATE.*index rebuild/);
  },
);

test('When only the library is new, then the warning names both versions', () => {
  expect(check('0.8.7', '0.8.0')).toMatch(/0\.8\.7.*0\.8\.0.*ALTER EXTENSION vector UPDATE/);
});

test('When pgvector is missing, not created or too old, then it is refused', () => {
  expect(() => check(null)).toThrow(/does not have the extension/);
  expect(() => check('0.8.7', null)).toThrow(/not created in this database/);
  expect(() => check('0.7.4')).toThrow(/version 0\.7\.4.*0\.8\.0/);
  expect(() => check('0.8.7', '0.6.0')).toThrow(/version 0\.6\.0/);
});

test('When versions are compared, then their parts are numbers', () => {
  expect(isOlder('0.8.4', '0.8.10')).toBe(true);
  expect(isOlder('0.8.10', '0.8.4')).toBe(false);
  expect(isOlder('0.8', '0.8.0')).toBe(false);
  expect(isOlder('0.9', '0.8.4')).toBe(false);
});
