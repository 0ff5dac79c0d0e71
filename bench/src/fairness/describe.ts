import type { BenchmarkResult } from '../report';
import { percentile } from '../statistics';
import { bookPages } from './pdfs';
import type { Stretches, Timed } from './upload';

const aimMs = 5_000;

/** What happened to the book when a small PDF was uploaded. */
export type Phase = 'reading' | 'embedding';

/** How the books themselves fared. */
export interface BookTurn {
  chunks: number;
  readingSeconds: number;
  seconds: number;
}

export function describe(
  books: number,
  idle: readonly Timed[],
  busy: Record<Phase, Timed[]>,
  turns: readonly BookTurn[],
): BenchmarkResult {
  const [what, be] = books === 1 ? ['a book', 'is'] : [`${books} books`, 'are'];
  const parts = [
    describeUploads('idle', 'idle', idle),
    describeUploads(`while ${what} ${be} read`, 'reading', busy.reading),
    describeUploads(`while ${what} ${be} embedded`, 'embedding', busy.embedding),
  ];
  return {
    table: [
      ...turns.map((turn): [string, string] => [
        `${what} of ${bookPages.toLocaleString('en')} pages`,
        `${turn.chunks} chunks, read in ${turn.readingSeconds.toFixed(1)} s, ready after ${turn.seconds.toFixed(1)} s`,
      ]),
      ...parts.flatMap((part) => part.table),
    ],
    figures: Object.assign({ books }, ...parts.map((part) => part.figures)),
  };
}

function describeUploads(title: string, name: string, uploads: readonly Timed[]): BenchmarkResult {
  const bySpeed = [...uploads].sort((a, b) => a.readyAfterMs - b.readyAfterMs);
  const slowest = bySpeed.at(-1);
  if (!slowest) {
    return { table: [[title, 'over before a small PDF could be uploaded']], figures: {} };
  }
  const medianMs = percentile(
    uploads.map(({ readyAfterMs }) => readyAfterMs),
    50,
  );
  const median = (key: keyof Stretches) =>
    percentile(
      uploads.map(({ stretches }) => stretches[key]),
      50,
    );
  const late = uploads.filter(({ readyAfterMs }) => readyAfterMs > aimMs).length;
  return {
    table: [
      [
        `${title}: ready after, median and slowest of ${uploads.length}`,
        `${seconds(medianMs)}, ${seconds(slowest.readyAfterMs)}; ${late} later than ${aimMs / 1000} s`,
      ],
      [`${title}: medians, ms`, stretchLine(median)],
      [`${title}: the slowest, ms`, stretchLine((key) => slowest.stretches[key])],
    ],
    figures: {
      [`${name}_uploads`]: uploads.length,
      [`${name}_median_ms`]: medianMs,
      [`${name}_slowest_ms`]: slowest.readyAfterMs,
      [`${name}_late`]: late,
    },
  };
}

const stretchNames = {
  upload: 'upload',
  waitForChunker: 'wait for chunker',
  read: 'read',
  waitForEmbedder: 'wait for embedder',
  embed: 'embed',
  settle: 'settle',
} satisfies Record<keyof Stretches, string>;

function stretchLine(of: (key: keyof Stretches) => number): string {
  return Object.entries(stretchNames)
    .map(([key, name]) => `${name} ${of(key as keyof Stretches).toFixed(0)}`)
    .join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
