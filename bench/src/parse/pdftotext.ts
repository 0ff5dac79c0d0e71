import { execFile, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runOnCore } from './onCore';

const run = promisify(execFile);
const maxTextBytes = 256 * 2 ** 20;

/** Ends the benchmark when the program it compares with is not there. */
export function requirePdftotext(): string {
  const { error, stderr } = spawnSync('pdftotext', ['-v'], { encoding: 'utf8' });
  if (error) {
    throw new Error(
      'pdftotext, which the benchmark compares with, is not installed. On Debian and Ubuntu: apt-get install poppler-utils',
    );
  }
  return /pdftotext version (\S+)/.exec(stderr)?.[1] ?? 'unknown';
}

export interface PdftotextTime {
  seconds: number;
  /** Processor time. */
  cpuSeconds: number;
}

/** The time that `pdftotext -bbox-layout` takes on one core for the files, one process for each. */
export async function timePdftotext(core: number, files: readonly string[]): Promise<PdftotextTime> {
  const output = join(tmpdir(), `millrace-bench-${process.pid}.html`);
  // One shell starts them all, and tells at the end how much processor time they took.
  const script =
    'out=$1; shift; for file in "$@"; do pdftotext -q -bbox-layout "$file" "$out" || exit 1; done; rm "$out"; times';
  const start = performance.now();
  const printed = await runOnCore(core, 'sh', ['-c', script, 'sh', output, ...files]);
  const seconds = (performance.now() - start) / 1000;
  // The second line is that of the children: user and system time as 0m1.23s.
  const [, children = ''] = printed.trim().split('\n');
  const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
    0,
  );
  return { seconds, cpuSeconds };
}

/** The text of each page as pdftotext sees it, in reading order. */
export async function pdftotextPages(path: string): Promise<string[]> {
  const { stdout } = await run('pdftotext', ['-q', '-cropbox', '-enc', 'UTF-8', path, '-'], {
    maxBuffer: maxTextBytes,
  });
  // Every page ends in a form feed.
  return stdout.split('\f').slice(0, -1);
}
