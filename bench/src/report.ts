import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** What figures in one file have in common, beside the commit: figures of others are not comparable with them. */
export type Conditions = Record<string, string | number | boolean>;

export interface BenchmarkResult {
  /** A table for people: rows of what and how much. */
  table: [string, string][];
  /** The same for programs. */
  figures: Record<string, number>;
  /** To be written beside the figures. */
  conditions?: Conditions;
}

/** A file of figures. */
interface FiguresFile {
  machine: string;
  date: string;
  commit: string;
  conditions?: Conditions;
  figures: Record<string, number>;
}

const root = join(__dirname, '..', '..');

/** What figures depend on. */
const code = ['packages', 'services', 'apps', 'infra', 'bench'];

/** What is measured, as it was when the benchmark began. */
const commit = findCommit();

const results = join(root, 'bench', 'results');

/** Prints a benchmark's table and writes bench/results/NAME.json. */
export function report(benchmark: string, { table, figures, conditions }: BenchmarkResult): void {
  const width = Math.max(...table.map(([what]) => what.length));
  console.log(`\n${benchmark}`);
  for (const [what, value] of table) {
    console.log(`  ${what.padEnd(width)}  ${value}`);
  }
  console.log(`\nWritten to ${writeFigures(benchmark, figures, conditions)}`);
}

/** Writes bench/results/NAME.json. @returns its path */
export function writeFigures(name: string, figures: Record<string, number>, conditions?: Conditions): string {
  mkdirSync(results, { recursive: true });
  const file = join(results, `${name}.json`);
  const document: FiguresFile = {
    machine: machine(),
    date: new Date().toISOString(),
    commit,
    ...(conditions === undefined ? {} : { conditions }),
    figures,
  };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  return file;
}

/** What has been written under this name by this commit, under these conditions; null when that is nothing. */
export function readFigures(name: string, conditions: Conditions): Record<string, number> | null {
  const file = join(results, `${name}.json`);
  if (!existsSync(file)) {
    return null;
  }
  const written = JSON.parse(readFileSync(file, 'utf8')) as FiguresFile;
  const isComparable = written.commit === commit && isDeepStrictEqual(written.conditions, conditions);
  return isComparable ? written.figures : null;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} x ${first?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function findCommit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 30 }).trim();
  try {
    const changes = git('diff', 'HEAD', '--', ...code);
    const digest = createHash('sha256').update(changes).digest('hex').slice(0, 8);
    return git('rev-parse', '--short', 'HEAD') + (changes === '' ? '' : `, changed (${digest})`);
  } catch {
    return 'not a git checkout';
  }
}
