import { basename } from 'node:path';
import type { JobView } from '@millrace/contracts';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';

/** Shows how the documents of a demo get on. */
export interface ProgressDisplay {
  /** Called for every answer about a document's job. */
  readonly update: (file: string, job: JobView) => void;
  /** A line of its own about a document. */
  readonly say: (line: string) => void;
  readonly end: () => void;
}

function describe(job: JobView): string {
  const chunks = job.total_chunks === null ? '' : `, ${job.processed_chunks}/${job.total_chunks} chunks`;
  const failed = job.failed_chunks > 0 ? `, ${job.failed_chunks} failed` : '';
  return `${job.status}${chunks}${failed}`;
}

/** A bar for each document, for a terminal. */
function barDisplay(files: readonly string[]): ProgressDisplay {
  const width = Math.min(40, Math.max(...files.map((file) => basename(file).length)));
  const bars = new MultiBar(
    {
      format: '  {name} [{bar}] {percentage}% {what}',
      stream: process.stdout,
      hideCursor: null,
      barsize: 24,
      // Ctrl-C is handled in one place, which ends the display as well.
      gracefulExit: false,
      emptyOnZero: true,
    },
    Presets.shades_classic,
  );
  const shown = new Map<string, SingleBar>();
  return {
    update: (file, job) => {
      const bar =
        shown.get(file) ?? bars.create(100, 0, { name: basename(file).slice(0, width).padEnd(width), what: '' });
      shown.set(file, bar);
      bar.update(Math.floor(job.progress * 100), { what: describe(job) });
    },
    say: (line) => bars.log(`${line}\n`),
    end: () => bars.stop(),
  };
}

/** A line whenever a document's state changes or another tenth is done, for a file or a pipe. */
function lineDisplay(say: (line: string) => void): ProgressDisplay {
  const told = new Map<string, string>();
  return {
    update: (file, job) => {
      const state = `${job.status} ${Math.floor(job.progress * 10)}`;
      if (told.get(file) !== state) {
        told.set(file, state);
        say(`  ${basename(file)}: ${Math.floor(job.progress * 100)}% ${describe(job)}`);
      }
    },
    say,
    end: () => undefined,
  };
}

/** Bars on a terminal, lines elsewhere. */
export function createProgress(
  files: readonly string[],
  isTerminal: boolean,
  say: (line: string) => void,
): ProgressDisplay {
  return isTerminal && files.length > 0 ? barDisplay(files) : lineDisplay(say);
}
