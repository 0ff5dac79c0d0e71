import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Interrupted, StackError, withInterrupt } from '@millrace/stack';
import { describeReport } from './report';
import { run } from './run';

const largestSeed = 0x7fffffff;

/** Reads the options. The command line (apps/cli) has checked them. */
function parse(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: String(randomInt(1, largestSeed)) },
      minutes: { type: 'string', default: '2' },
      documents: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const documents = Number(values.documents ?? Math.max(30, Math.round(minutes * 15)));
  return { seed: Number(values.seed), minutes, documents, keep: values.keep };
}

/** Runs the chaos suite and prints what happens. @returns the exit code: 0 when no problem was found */
async function main(args: string[]): Promise<number> {
  const { seed, minutes, documents, keep } = parse(args);
  const again = `npm run chaos -- --seed ${seed} --minutes ${minutes} --documents ${documents}`;
  console.log(`The seed is ${seed}; the same plan again: ${again}`);
  const startedAt = Date.now();
  const say = (line: string) => console.log(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const { report, folder } = await withInterrupt(say, (signal) =>
    run({
      seed,
      durationMs: minutes * 60_000,
      documents,
      maxPages: 60,
      gapMs: [500, 6_000],
      latencyMs: [300, 2_000],
      keepLogs: keep,
      say,
      signal,
    }),
  );
  console.log(`\n${describeReport(report)}`);
  if (folder !== undefined) {
    console.log(`\nThe logs are in ${folder}\nThe same plan again: ${again}`);
  }
  return report.problems.length === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof Interrupted) {
      process.exitCode = error.exitCode;
      return;
    }
    console.error(error instanceof StackError ? error.message : error);
    process.exitCode = 1;
  },
);
