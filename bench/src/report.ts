import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

export interface BenchmarkResult {
  /** A table for people: rows of what and how much. */
  table: [string, string][];
  /** The same for programs. */
  figures: Record<string, number>;
  /** Under which name to write them, where it is not the benchmark's own. */
  name?: string;
}

const results = join(__dirname, '..', 'results');

/** Prints a benchmark's table and writes bench/results/NAME.json. */
export function report(benchmark: string, { table, figures, name = benchmark }: BenchmarkResult): void {
  const width = Math.max(...table.map(([what]) => what.length));
  console.log(`\n${benchmark}`);
  for (const [what, value] of table) {
    console.log(`  ${what.padEnd(width)}  ${value}`);
  }
  console.log(`\nWritten to ${writeFigures(name, figures)}`);
}

/** Writes bench/results/NAME.json. @returns its path */
export function writeFigures(name: string, figures: Record<string, number>): string {
  mkdirSync(results, { recursive: true });
  const file = join(results, `${name}.json`);
  const document = { machine: machine(), date: new Date().toISOString(), commit: commit(), figures };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  return file;
}

/** What has been written under this name; null when nothing has. */
export function readFigures(name: string): Record<string, number> | null {
  const file = join(results, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BenchmarkResult).figures : null;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} x ${first?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: __dirname, encoding: 'utf8' }).trim();
  } catch {
    return 'not a git checkout';
  }
}
