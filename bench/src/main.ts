import { parseArgs } from 'node:util';
import { cleanUpOnInterrupt, isInterrupted } from './cleanUp';
import { fairness } from './fairness';
import { indexes } from './indexes';
import { ingest } from './ingest/ingest';
import { lifecycle } from './lifecycle/lifecycle';
import type { Options } from './options';
import { parse } from './parse/parse';
import { persist } from './persist';
import { queue } from './queue';
import { reingest } from './reingest';
import { type BenchmarkResult, report } from './report';
import { scaling } from './scaling';
import { search } from './search/search';
import { isVariant, variantNames } from './vectors/vectorIndex';
import { vectors } from './vectors/vectors';

const usage = `usage: npm run bench -- NAME [options]
  ingest     PDFs through the whole stack, beside LangChain.js and LlamaIndex.TS       --files --quick
  parse      reading PDFs beside pdftotext on the same core; OCR                       --files --quick
  lifecycle  settling beside a bare write; status, retries and sweeps of a large job   --quick
  fairness   uploads of two pages while books of 5,000 pages are in progress           --books --quick
  queue      chunk deliveries through Redis beside bare BullMQ                         --quick
  reingest   what is embedded again when documents are uploaded again                  --files --quick
  scaling    embedding and settling with 1, 2 and 4 embedder processes                 --files --quick
  vectors    makes the data set of the next three, or removes it (vectors remove)      --files --rows --quick
  indexes    vector indexes: build, size, latency, recall, inserts                     --files --rows --kinds --quick
  persist    storing chunks with vectors beside binary COPY, and into a live index     --files --rows --kinds --quick
  search     searches through the API beside the bare SQL                              --files --rows --kinds --quick

  --files FOLDER  the PDFs (default: ten that the project makes)
  --books N       1 to 9 books at once (default: 1)
  --rows N        whole thousands of rows (default: 1000000, with --quick 5000)
  --kinds A,B     of ${variantNames.join(', ')}
                  (default: all for indexes; hnsw_binary for persist and search, which take one)
  --quick         a small version that shows that the benchmark works`;

const benchmarks: Record<string, (options: Options) => Promise<BenchmarkResult | null>> = {
  ingest,
  parse,
  lifecycle,
  fairness,
  queue,
  reingest,
  scaling,
  vectors,
  indexes,
  persist,
  search,
};

/** @throws an Error that says what is wrong with the line. */
function readLine(args: string[]): Options & { name: string } {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      files: { type: 'string' },
      books: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      rows: { type: 'string' },
      kinds: { type: 'string' },
    },
  });
  const [name = '', action, ...rest] = positionals;
  const { files, books, quick, rows = quick ? '5000' : '1000000' } = values;
  const kinds = values.kinds?.split(',');
  const refuse = (isWrong: boolean, message: string) => {
    if (isWrong) {
      throw new Error(message);
    }
  };
  refuse(!Object.hasOwn(benchmarks, name), name === '' ? 'Name a benchmark.' : `There is no benchmark ${name}.`);
  refuse(
    rest.length > 0 || (action !== undefined && !(name === 'vectors' && action === 'remove')),
    'Too many arguments.',
  );
  refuse(!/^[1-9]$/.test(books), '--books is a number from 1 to 9.');
  refuse(!/^[1-9]\d*000$/.test(rows), '--rows is a number of whole thousands.');
  refuse(kinds?.every(isVariant) === false, `--kinds takes ${variantNames.join(', ')}.`);
  return { name, environment: process.env, files, books: Number(books), quick, rows: Number(rows), kinds, action };
}

async function main(args: string[]): Promise<void> {
  let line: ReturnType<typeof readLine>;
  try {
    line = readLine(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const { name, ...options } = line;
  const result = await benchmarks[name]?.(options);
  if (result) {
    report(name, { ...result, conditions: { ...result.conditions, quick: options.quick } });
  }
}

cleanUpOnInterrupt();
main(process.argv.slice(2)).catch((error: Error) => {
  if (!isInterrupted()) {
    console.error(error.message);
    process.exitCode = 1;
  }
});
