import { parseArgs } from 'node:util';
import { cleanUpOnInterrupt, isInterrupted } from './cleanUp';
import { fairness } from './fairness/fairness';
import { indexes } from './indexes/indexes';
import { ingest } from './ingest/ingest';
import { lifecycle } from './lifecycle/lifecycle';
import { parse } from './parse/parse';
import { partitions } from './partitions/partitions';
import { persist } from './persist/persist';
import { queue } from './queue/queue';
import { reingest } from './reingest/reingest';
import { type BenchmarkResult, report } from './report';
import { scaling } from './scaling/scaling';
import { search } from './search/search';
import type { WantedIndex } from './vectors/defaultIndex';
import { isVariant, type Variant, variantNames, variants } from './vectors/variants';
import { vectors } from './vectors/vectors';

const usage = `usage: npm run bench -- NAME [options]
  ingest [--files FOLDER] [--quick]
                            the PDFs of a folder (default: ../shared/corpus/real) through the whole stack, with the
                            static provider, beside LangChain.js and LlamaIndex.TS (--quick: the two smallest)
  lifecycle                 settling beside a bare write of the same rows; status, retries and sweeps of a job of
                            100,000 chunks
  fairness [--books N]      uploads of two pages while N books of 5,000 pages are in progress (default: 1)
  parse [--files FOLDER] [--quick]
                            reading the PDFs of a folder beside pdftotext on the same core; memory with a PDF of
                            5,000 pages and 300 MB (--quick: one small file, one round, and a smaller large PDF)
  queue [--quick]           chunk deliveries through Redis beside bare BullMQ
  reingest [--files FOLDER] [--quick]
                            what is embedded again when documents come again: unchanged, and with one page edited
                            (--quick: two of them)
  scaling [--files FOLDER] [--quick]
                            embedding and settling with 1, 2 and 4 embedder processes (--quick: two files, 1 and 2)
  partitions [--quick]      document_chunks beside a copy that is partitioned by collection, 50,000 rows (--quick: 2,000)
  vectors [build | remove] [--rows N] [--files FOLDER]
                            makes the data set that the next benchmarks search, in a database of its own that is kept;
                            goes on where it was broken off. They make it themselves where it is missing.
  indexes [--rows N] [--kinds A,B] [--quick] [--files FOLDER]
                            each kind of vector index, and none: build time, size, latency and recall (also with less
                            and more effort), rows inserted a second; goes on with the next when it was broken off
  persist [--rows N] [--kinds KIND] [--quick] [--files FOLDER]
                            storing chunks with their vectors: without a vector index, beside plain binary COPY; and
                            with one over N rows
  search [--rows N] [--kinds KIND] [--quick] [--files FOLDER]
                            searches over N rows through the API beside the bare SQL, by 1, 8 and 32 clients, with and
                            without filters

  --kinds: of ${variantNames.join(', ')}
  --rows N: so many thousand rows; 1000000 if left out, 5000 with --quick`;

interface Options {
  files: string;
  books: number;
  quick: boolean;
  rows: number;
  /** Of vector indexes; null when --kinds is left out. */
  kinds: Variant[] | null;
  /** What to do, where the benchmark does more than one thing. */
  action: string | undefined;
}

/** The benchmarks, by name. Each returns its figures and the lines to print, if it has any. */
const benchmarks: Record<string, (options: Options) => Promise<BenchmarkResult | null>> = {
  ingest: ({ files, quick }) => ingest(process.env, files, quick),
  lifecycle: () => lifecycle(process.env),
  fairness: ({ books }) => fairness(process.env, books),
  parse: ({ files, quick }) => parse(files, quick),
  reingest: ({ files, quick }) => reingest(process.env, files, quick),
  scaling: ({ files, quick }) => scaling(process.env, files, quick),
  queue: ({ quick }) => queue(process.env, quick),
  partitions: ({ quick }) => partitions(process.env, quick),
  vectors: ({ files, rows, action = 'build' }) => vectors({ environment: { ...process.env }, files, rows }, action),
  indexes: ({ files, rows, kinds, quick }) =>
    indexes({ environment: { ...process.env }, files, rows }, kinds ?? variantNames, quick),
  search: ({ files, rows, kinds, quick }) =>
    search({ environment: { ...process.env }, files, rows }, oneOf(kinds), quick),
  persist: ({ files, rows, kinds, quick }) =>
    persist({ environment: { ...process.env }, files, rows }, oneOf(kinds), quick),
};

/** What follows the name, of those that take it. */
const actions: Record<string, readonly string[]> = { vectors: ['build', 'remove'] };

/** Those of which there is no small version. */
const onlyWhole = ['lifecycle', 'fairness'];

/** The only one that is named; null when --kinds is left out. */
function oneOf(kinds: readonly Variant[] | null): WantedIndex | null {
  const [kind, ...others] = kinds ?? [];
  if (others.length > 0) {
    throw new Error('This benchmark takes one kind of vector index at a time.');
  }
  if (kind === 'none') {
    throw new Error('This benchmark needs a vector index: only "indexes" measures without one.');
  }
  return kind === undefined ? null : variants[kind];
}

async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      files: { type: 'string', default: '../shared/corpus/real' },
      books: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      rows: { type: 'string' },
      kinds: { type: 'string' },
    },
  });
  const [name = '', action, ...rest] = positionals;
  const { files, books, quick, rows = quick ? '5000' : '1000000' } = values;
  const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
  const isKnown = action === undefined || actions[name]?.includes(action);
  const kinds = values.kinds?.split(',') ?? null;
  if (
    !benchmark ||
    !isKnown ||
    (quick && onlyWhole.includes(name)) ||
    !(kinds === null || kinds.every(isVariant)) ||
    rest.length > 0 ||
    !/^[1-9]$/.test(books) ||
    !/^[1-9]\d*000$/.test(rows)
  ) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const result = await benchmark({ files, books: Number(books), quick, rows: Number(rows), kinds, action });
  if (result !== null) {
    report(name, { ...result, conditions: { ...result.conditions, quick } });
  }
}

cleanUpOnInterrupt();
main(process.argv.slice(2)).catch((error: Error) => {
  if (!isInterrupted()) {
    console.error(error.message);
    process.exitCode = 1;
  }
});
