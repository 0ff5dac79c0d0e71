import { setMaxListeners } from 'node:events';
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Backing, startBacking } from './backing';
import { compareRows } from './compare';
import { runDisturbed } from './disturbed';
import { makeDocuments } from './documents';
import { makeDoomed } from './doomed';
import { makeEditions } from './editions';
import { findStrayProcesses } from './leaks';
import { makePlan } from './plan';
import { Random } from './random';
import type { Report } from './report';
import { leaseMs } from './stage';
import { runUndisturbed } from './undisturbed';

export interface RunOptions {
  seed: number;
  /** How long faults come. */
  durationMs: number;
  documents: number;
  /** The pages of the longest document. */
  maxPages: number;
  /** The time from one fault to the next, in milliseconds. */
  gapMs: readonly [min: number, max: number];
  /** How long the provider takes to answer, in milliseconds. */
  latencyMs: readonly [min: number, max: number];
  /** Keeps the logs of a run that has passed, too. */
  keepLogs?: boolean;
  say: (line: string) => void;
  signal: AbortSignal;
}

export interface Outcome {
  report: Report;
  /** The folder with the logs. It is removed when the run has passed, unless the logs are kept. */
  folder: string | undefined;
}

/**
 * Runs once: ingests the documents undisturbed, ingests the same documents during all kinds of faults, and compares the
 * results. It stops everything that it starts.
 * @throws Error when the run cannot go on. The message names the seed and the folder with the logs.
 */
export async function run(options: RunOptions): Promise<Outcome> {
  // The commit times say when a vector was stored.
  const backing = await startBacking({ postgres: { track_commit_timestamp: 'on' } });
  const { folder } = backing;
  const say = (line: string) => {
    appendFileSync(join(folder, 'logs', 'run.log'), `${new Date().toISOString()} ${line}\n`);
    options.say(line);
  };
  let report: Report | undefined;
  try {
    report = await runOn(backing, { ...options, say });
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(`Seed ${options.seed}: ${(error as Error).message}\nThe logs are in ${folder}`, { cause: error });
  } finally {
    const failed = report?.problems.length !== 0 && !options.signal.aborted;
    await backing.stop({ keepFolder: failed || options.keepLogs === true });
  }
  report.problems.push(...findStrayProcesses(folder, []).map((stray) => `After the end this is left: ${stray}`));
  return { report, folder: existsSync(folder) ? folder : undefined };
}

async function runOn(backing: Backing, options: RunOptions): Promise<Report> {
  const { say, seed, signal, latencyMs } = options;
  // Every wait of the run listens to it.
  setMaxListeners(0, signal);
  const startedAt = Date.now();
  const random = new Random(seed);
  const plan = makePlan({ ...options, random: random.fork(), leaseMs });
  const documents = await makeDocuments(random.fork(), options.documents, options.maxPages);
  say(`Seed ${seed}: ${documents.length} documents, ${plan.uploads.length} uploads, ${plan.faults.length} faults.`);

  const undisturbed = await runUndisturbed({ backing, documents, random: random.fork(), signal });
  const undisturbedMs = Date.now() - startedAt;
  say(`The undisturbed run took ${Math.round(undisturbedMs / 1000)} s.`);
  try {
    const disturbed = await runDisturbed({
      backing,
      documents,
      plan,
      random: random.fork(),
      editions: await makeEditions(random.fork(), options.durationMs),
      doomed: await makeDoomed(random.fork(), options.durationMs),
      latencyMs,
      say,
      signal,
    });
    const { database } = disturbed.stage;
    const differences = await compareRows(undisturbed.database, database).finally(() => database.end());
    const totalMs = Date.now() - startedAt;
    return {
      ...disturbed.figures,
      seed,
      problems: [...disturbed.problems, ...differences],
      seconds: {
        undisturbed: undisturbedMs / 1000,
        disturbed: (totalMs - undisturbedMs) / 1000,
        total: totalMs / 1000,
      },
    };
  } finally {
    await undisturbed.database.end();
  }
}
