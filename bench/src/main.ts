import { parseArgs } from 'node:util';
import { ingest } from './ingest';
import { report } from './report';

const usage = `usage: npm run bench -- NAME [options]
  ingest [--files FOLDER]   the PDFs of a folder through the whole stack, with the static provider
                            (default: ../shared/corpus/real)`;

/** The benchmarks, by name. Each returns its figures and the lines to print. */
async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { files: { type: 'string', default: '../shared/corpus/real' } },
  });
  if (positionals.length !== 1 || positionals[0] !== 'ingest') {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  report('ingest', await ingest(process.env, values.files));
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
