import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The expected result of one file of the corpus. */
export interface HostileRow {
  file: string;
  /** The status of the document, or the error code with which it fails or is refused. */
  ends: string;
  repair: string | null;
  pages: number;
  /** How many of the pages cannot be read. */
  failed: number;
  /** Characters on all pages, white space not counted. */
  characters: number;
}

const path = join(__dirname, 'fixtures/hostile.tsv');
const columns = ['file', 'ends', 'repair', 'pages', 'failed', 'characters'] as const;

/**
 * True when the run writes the table instead of checking it. Use it after a change that is meant to change what is read:
 * `UPDATE_HOSTILE_TABLE=1 npm test -- services/chunker/test/hostile.test.ts`. Check the difference before you commit it.
 */
export const updatesTable = process.env.UPDATE_HOSTILE_TABLE === '1';
if (updatesTable && process.env.CI) {
  throw new Error('UPDATE_HOSTILE_TABLE is not allowed where CI is set.');
}

/** True when two numbers of characters differ so little that details of the extraction explain it. */
export function nearlySame(actual: number, expected = 0): boolean {
  return (actual === 0) === (expected === 0) && Math.abs(actual - expected) <= Math.max(3, expected * 0.02);
}

export function readTable(): HostileRow[] {
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [file = '', ends = '', repair = '', pages, failed, characters] = line.split('\t');
    return {
      file,
      ends,
      repair: repair === '-' ? null : repair,
      pages: Number(pages),
      failed: Number(failed),
      characters: Number(characters),
    };
  });
}

export function writeTable(rows: readonly HostileRow[]): void {
  const lines = rows.map((row) => columns.map((column) => row[column] ?? '-').join('\t'));
  writeFileSync(path, `${[columns.join('\t'), ...lines].join('\n')}\n`);
}
