import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Interrupted, StackError, withInterrupt } from '@millrace/stack';
import { describeReport } from './report';
import { run } from './run';

const usage = `usage: npm run chaos [-- --seed N] [--minutes M] [--documents N] [--keep]
  --seed N        the chance of an earlier run again (default: another one each time)
  --minutes M     how long faults come for (default: 2)
  --documents N   how many documents are ingested (default: 15 for each minute, at least 30)
  --keep          the logs stay even if nothing is wrong`;

const largestSeed = 0x7fffffff;

interface Arguments {
  seed: number;
  minutes: number;
  documents: number;
  keep: boolean;
}

function parse(args: string[]): Arguments | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        documents: { type: 'string' },
        keep: { type: 'boolean' },
      },
    });
    const seed = values.seed === undefined ? randomInt(1, largestSeed) : Number(values.seed);
    const minutes = Number(values.minutes ?? 2);
    const documents = Number(values.documents ?? Math.max(30, Math.round(minutes * 15)));
    const isUsable =
      Number.isInteger(seed) &&
      seed >= 0 &&
      seed <= largestSeed &&
      minutes > 0 &&
      Number.isInteger(documents) &&
      documents >= 6;
    return isUsable ? { seed, minutes, documents, keep: values.keep ?? false } : undefined;
  } catch {
    return undefined;
  }
}

/** The chaos run as a program: prints what it does and what came of it. Exit code 0 when everything held. */
async function main(args: string[]): Promise<number> {
  const options = parse(args);
  if (!options) {
    console.error(usage);
    return 2;
  }
  const { seed, minutes, documents, keep } = options;
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
