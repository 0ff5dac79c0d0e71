import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

test('When docs/security.md promises something, then it names tests that exist', () => {
  const lines = readFileSync(join(root, 'docs/security.md'), 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.startsWith('| Promise |')) + 2;
  const rows = lines.slice(begin, lines.indexOf('', begin));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const files = [...row.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, file = '']) => file);
    const missing = files.filter(
      (file) => !existsSync(join(root, file.includes('/') ? file : `services/api/test/${file}`)),
    );
    expect({ row, files: files.length > 0, missing }).toEqual({ row, files: true, missing: [] });
  }
});
