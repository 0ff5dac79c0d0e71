import { basename } from 'node:path';
import type { JobView } from '@millrace/contracts';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** Shows the progress of documents. */
export interface Progress {
  /** Takes the newest state of a document's job. */
  readonly update: (file: string, job: JobView) => void;
  /** Prints a line about a document. */
  readonly print: (line: string) => void;
  readonly end: () => void;
}

function describe(job: JobView): string {
  const chunks = job.total_chunks === null ? '' : `, ${job.processed_chunks}/${job.total_chunks} chunks`;
  const failed = job.failed_chunks > 0 ? `, ${job.failed_chunks} failed` : '';
  return `${job.status}${chunks}${failed}`;
}

/** Shows a bar for each document on a terminal, and lines elsewhere. */
export function createProgress(files: readonly string[], print: (line: string) => void): Progress {
  return process.stdout.isTTY ? progressBars(files) : progressLines(print);
}

function progressBars(files: readonly string[]): Progress {
  const width = Math.min(40, Math.max(...files.map((file) => basename(file).length)));
  const bars = new MultiBar(
    {
      format: '  {name} [{bar}] {percentage}% {what}',
      stream: process.stdout,
      hideCursor: null,
      barsize: 24,
      // The command handles Ctrl-C, and ends the bars too.
      gracefulExit: false,
      emptyOnZero: true,
    },
    Presets.shades_classic,
  );
  const barOf = new Map<string, SingleBar>();
  return {
    update: (file, job) => {
      const name = basename(file).slice(0, width).padEnd(width);
      const bar = barOf.get(file) ?? bars.create(100, 0, { name, what: '' });
      barOf.set(file, bar);
      bar.update(Math.floor(job.progress * 100), { what: describe(job) });
    },
    print: (line) => bars.log(`${line}\n`),
    end: () => bars.stop(),
  };
}

/** Prints a line when the status of a document changes or another tenth is done. */
function progressLines(print: (line: string) => void): Progress {
  const printed = new Map<string, string>();
  return {
    update: (file, job) => {
      const state = `${job.status} ${Math.floor(job.progress * 10)}`;
      if (printed.get(file) !== state) {
        printed.set(file, state);
        print(`  ${basename(file)}: ${Math.floor(job.progress * 100)}% ${describe(job)}`);
      }
    },
    print,
    end: () => undefined,
  };
}
