import { execFile, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runOnCore } from './onCore';

const run = promisify(execFile);
const maxTextBytes = 256 * 2 ** 20;

/** Returns the version of pdftotext. @throws Error when it is not installed. */
export function requirePdftotext(): string {
  const { error, stderr } = spawnSync('pdftotext', ['-v'], { encoding: 'utf8' });
  if (error) {
    throw new Error(
      'pdftotext, which the benchmark compares with, is not installed. On Debian and Ubuntu: apt-get install poppler-utils.',
    );
  }
  return /pdftotext version (\S+)/.exec(stderr)?.[1] ?? 'unknown';
}

export interface PdftotextTime {
  seconds: number;
  /** Processor time. */
  cpuSeconds: number;
}

/** Times `pdftotext -bbox-layout` on one core, with one process per file. */
export async function timePdftotext(core: number, files: readonly string[]): Promise<PdftotextTime> {
  const output = join(tmpdir(), `millrace-bench-${process.pid}.html`);
  // One shell starts them all. At the end `times` prints their processor time.
  const script =
    'out=$1; shift; for file in "$@"; do pdftotext -q -bbox-layout "$file" "$out" || exit 1; done; rm "$out"; times';
  const start = performance.now();
  const printed = await runOnCore(core, 'sh', ['-c', script, 'sh', output, ...files]);
  const seconds = (performance.now() - start) / 1000;
  // The second line is the children's: user and system time as 0m1.23s.
  const [, children = ''] = printed.trim().split('\n');
  const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
    0,
  );
  return { seconds, cpuSeconds };
}

/** Returns the text of each page in pdftotext's reading order. */
export async function pdftotextPages(path: string): Promise<string[]> {
  const { stdout } = await run('pdftotext', ['-q', '-cropbox', '-enc', 'UTF-8', path, '-'], {
    maxBuffer: maxTextBytes,
  });
  // Every page ends with a form feed.
  return stdout.split('\f').slice(0, -1);
}
