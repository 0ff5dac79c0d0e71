import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

export interface BenchmarkResult {
  /** A table for people: rows of what and how much. */
  table: [string, string][];
  /** The same for programs. */
  figures: Record<string, number>;
}

const results = join(__dirname, '..', 'results');

/** Prints a benchmark's table and writes bench/results/NAME.json. */
export function report(name: string, { table, figures }: BenchmarkResult): void {
  const width = Math.max(...table.map(([what]) => what.length));
  console.log(`\n${name}`);
  for (const [what, value] of table) {
    console.log(`  ${what.padEnd(width)}  ${value}`);
  }
  mkdirSync(results, { recursive: true });
  const file = join(results, `${name}.json`);
  const document = { machine: machine(), date: new Date().toISOString(), commit: commit(), figures };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  console.log(`\nWritten to ${file}`);
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
