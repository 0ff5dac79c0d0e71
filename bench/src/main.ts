import { parseArgs } from 'node:util';
import { cleanUpOnInterrupt, isInterrupted } from './cleanUp';
import { fairness } from './fairness/fairness';
import { ingest } from './ingest/ingest';
import { lifecycle } from './lifecycle/lifecycle';
import { parse } from './parse/parse';
import { partitions } from './partitions/partitions';
import { queue } from './queue/queue';
import { reingest } from './reingest/reingest';
import { type BenchmarkResult, report } from './report';
import { scaling } from './scaling/scaling';

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
  partitions [--quick]      document_chunks beside a copy that is partitioned by collection, 50,000 rows (--quick: 2,000)`;

interface Options {
  files: string;
  books: number;
  quick: boolean;
}

/** The benchmarks, by name. Each returns its figures and the lines to print. */
const benchmarks: Record<string, (options: Options) => Promise<BenchmarkResult>> = {
  ingest: ({ files, quick }) => ingest(process.env, files, quick),
  lifecycle: () => lifecycle(process.env),
  fairness: ({ books }) => fairness(process.env, books),
  parse: ({ files, quick }) => parse(files, quick),
  reingest: ({ files, quick }) => reingest(process.env, files, quick),
  scaling: ({ files, quick }) => scaling(process.env, files, quick),
  queue: ({ quick }) => queue(process.env, quick),
  partitions: ({ quick }) => partitions(process.env, quick),
};

async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      files: { type: 'string', default: '../shared/corpus/real' },
      books: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
    },
  });
  const [name = '', ...rest] = positionals;
  const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
  if (!benchmark || rest.length > 0 || !/^[1-9]$/.test(values.books)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  report(name, await benchmark({ files: values.files, books: Number(values.books), quick: values.quick }));
}

cleanUpOnInterrupt();
main(process.argv.slice(2)).catch((error: Error) => {
  if (!isInterrupted()) {
    console.error(error.message);
    process.exitCode = 1;
  }
});
