import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { format } from './statistics';

export type Figures = Record<string, number>;

/** Beside the commit, what figures depend on. Figures under other conditions cannot be compared. */
export type Conditions = Record<string, string | number | boolean>;

export interface BenchmarkResult {
  figures: Figures;
  /** Further lines to print. */
  notes?: string[];
  conditions?: Conditions;
}

interface FiguresFile {
  machine: string;
  date: string;
  commit: string;
  conditions?: Conditions;
  figures: Figures;
}

const root = join(__dirname, '..', '..');
const results = join(root, 'bench', 'results');

/** The folders that figures depend on. */
const code = ['packages', 'services', 'apps', 'infra', 'bench'];

/** The commit, read when the benchmark begins. */
const commit = findCommit();

/** Prints a benchmark's figures and writes bench/results/NAME.json. */
export function report(benchmark: string, { figures, notes = [], conditions }: BenchmarkResult): void {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  console.log(`\n${benchmark}`);
  for (const [name, value] of Object.entries(figures)) {
    console.log(`  ${name.padEnd(width)}  ${Number.isInteger(value) ? value.toLocaleString('en') : format(value)}`);
  }
  for (const note of notes) {
    console.log(`  ${note}`);
  }
  console.log(`\nWritten to ${writeFigures(benchmark, figures, conditions)}`);
}

/** Writes bench/results/NAME.json. @returns its path. */
export function writeFigures(name: string, figures: Figures, conditions?: Conditions): string {
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

/** Returns the figures that this commit has written under this name and these conditions, or none. */
export function readFigures(name: string, conditions: Conditions): Figures {
  const file = join(results, `${name}.json`);
  if (!existsSync(file)) {
    return {};
  }
  const written = JSON.parse(readFileSync(file, 'utf8')) as FiguresFile;
  return written.commit === commit && isDeepStrictEqual(written.conditions, conditions) ? written.figures : {};
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
