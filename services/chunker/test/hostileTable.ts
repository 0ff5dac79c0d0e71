import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What becomes of one file of the corpus. */
export interface HostileRow {
  file: string;
  /** The document's status, or the error code it fails with or is refused with. */
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
 * True when the table is to be written anew, after a change that is meant to change what is read:
 * `UPDATE_HOSTILE_TABLE=1 npm test -- services/chunker/test/hostile.test.ts`. Look at the difference before you commit it.
 */
export const updatesTable = process.env.UPDATE_HOSTILE_TABLE === '1';
if (updatesTable && process.env.CI) {
  throw new Error('The table of hostile PDFs is checked here and never written: CI is set.');
}

/** Numbers of characters that count as the same: details of extraction may shift a few. */
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
