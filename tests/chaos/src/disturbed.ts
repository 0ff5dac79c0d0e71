import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backing } from './backing';
import { Client } from './client';
import { checkConsistency, checkVectors } from './compare';
import type { ChaosDocument } from './documents';
import { type Doomed, runDoomed } from './doomed';
import { EditionSearch } from './editionSearch';
import { type Edition, uploadEditions } from './editions';
import { FaultInjector } from './faults';
import { findConnections, findIdleTransactions, findLeftovers, findStrayProcesses, openQueues } from './leaks';
import { audit } from './ledger';
import type { Plan } from './plan';
import { Provider } from './provider';
import type { Random } from './random';
import type { Report } from './report';
import { openStage, type Stage, timeoutMs } from './stage';
import { checkEnds, countUnfinished, describeUnfinished, findRepairs, readAttempts, readStoringTimes } from './state';
import { checkAnswers, uploadAll } from './uploads';
import { Watch } from './watch';

/** All documents end within this time after the last fault. */
const endWithinMs = 180_000;
/** Nothing is left over after this time. The sweeps remove leftovers only when they are old enough. */
const tidyWithinMs = 120_000;
/** Connections are closed within this time after their processes have ended. */
const goneWithinMs = 60_000;
/** No transaction of Millrace is idle for so long. The reconciler holds its lock during its sweeps. */
const idleTransactionMs = 30_000;
const lookAgainMs = 200;

const shape = { api: 1, chunker: 2, embedder: 2, reconciler: 2 } as const;

export interface DisturbedOptions {
  backing: Backing;
  documents: readonly ChaosDocument[];
  plan: Plan;
  /** The versions of one more document. */
  editions: readonly Edition[];
  /** A collection that is deleted. */
  doomed: Doomed;
  random: Random;
  latencyMs: readonly [min: number, max: number];
  say: (line: string) => void;
  signal: AbortSignal;
}

export interface Disturbed {
  stage: Stage;
  problems: string[];
  figures: Omit<Report, 'seed' | 'problems' | 'seconds'>;
}

/** Ingests the documents during the plan's faults, waits until all work is done, and checks the result. */
export async function runDisturbed(options: DisturbedOptions): Promise<Disturbed> {
  const { backing, documents, editions, doomed, plan, random, say, signal } = options;
  const { servers } = backing;
  const provider = await Provider.start(random.fork(), options.latencyMs);
  let stage: Stage | undefined;
  let watch: Watch | undefined;
  let search: EditionSearch | undefined;
  try {
    stage = await openStage({ name: 'disturbed', servers, folder: backing.folder, provider, shape });
    const { fleet, database } = stage;
    watch = new Watch(database);
    search = new EditionSearch(() => fleet.apiUrl);
    const startedAt = Date.now();
    // When uploads or faults fail, the other is aborted.
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    setMaxListeners(0, both);
    const client = new Client(() => fleet.apiUrl, both);
    const injector = new FaultInjector({ servers, fleet, provider, client, database }, random.fork(), say, both);
    const uploading = uploadAll(client, documents, plan.uploads, startedAt, both);
    const renewing = uploadEditions(client, editions, startedAt, both);
    const dooming = runDoomed(client, doomed, startedAt, both);
    const breaking = injector.injectAll(plan.faults, startedAt);
    await Promise.all([uploading, renewing, dooming, breaking]).catch(async (error: unknown) => {
      failed.abort(error);
      await Promise.allSettled([uploading, renewing, dooming, breaking]);
      throw error;
    });
    const answers = await uploading;
    const { problems: doomedProblems, ...deleted } = await dooming;
    const faults = injector.done;
    const quietAt = Date.now();
    // From now on the time that passes is that of the recovery, not of the provider.
    provider.isQuick = true;
    say('All faults are over and all uploads answered.');

    const problems = [
      ...checkAnswers(documents, answers),
      ...(await renewing),
      ...doomedProblems,
      ...(await untilEnded(stage, quietAt + endWithinMs, signal)),
      ...(await search.finish(editions.length)),
      ...(await untilTidy(backing, stage, signal)),
    ];
    const endedAt = watch.samples.find((sample) => sample.at > quietAt && sample.unfinished === 0)?.at ?? Date.now();
    await watch.stop();
    problems.push(
      ...fleet.crashes.map((crash) => `A process ended without being told to: ${crash}`),
      ...(await checkEnds(database, documents)),
      ...(await checkConsistency(database)),
      ...(await checkVectors(database)),
      ...findRepairs(join(stage.folder, 'logs')).map((line) => `The reconciler had to repair counters: ${line}`),
      ...(await stop(stage)),
    );

    const ledger = audit({
      calls: provider.calls,
      faults,
      storedAt: await readStoringTimes(database),
      timeoutMs,
    });
    problems.push(...ledger.unexplained.map((line) => `Paid for without need: ${line}`));
    const { chunks, ...attempts } = await readAttempts(database);
    const recoveries = faults.map((fault) => ({ kind: fault.kind, ms: watch?.recoveryAfter(fault.endedAt) }));
    const longest = recoveries.toSorted((a, b) => (b.ms ?? 0) - (a.ms ?? 0))[0];
    return {
      stage,
      problems,
      figures: {
        faults,
        recovered: recoveries.filter(({ ms }) => ms !== undefined).length,
        longestRecovery: { ms: longest?.ms ?? 0, after: longest?.kind ?? 'nothing' },
        lastDocumentAfterMs: endedAt - quietAt,
        longestStandstill: watch.longestStandstill(),
        documents: documents.length,
        chunks,
        editions: { uploaded: editions.length, found: search.found.size, searches: search.searches },
        deleted,
        repeatedUploads: client.repeated,
        ledger,
        attempts,
      },
    };
  } catch (error) {
    await watch?.stop();
    await search?.stop();
    await stage?.fleet.stop();
    await stage?.database.end();
    throw error;
  } finally {
    await provider.close();
  }
}

/** Waits until every document has ended. @returns those that have not ended in time. */
async function untilEnded({ database }: Stage, deadline: number, signal: AbortSignal): Promise<string[]> {
  while ((await countUnfinished(database)) > 0) {
    if (Date.now() > deadline) {
      const unfinished = await describeUnfinished(database);
      return unfinished.map((line) => `Not ended ${endWithinMs / 1000} s after the last fault: ${line}`);
    }
    await sleep(lookAgainMs, undefined, { signal });
  }
  return [];
}

/** Waits until nothing is left over. @returns what is left after all. */
async function untilTidy({ servers }: Backing, stage: Stage, signal: AbortSignal): Promise<string[]> {
  const { database, fleet, folder, blobDir } = stage;
  const { queues, close } = await openQueues(servers.redisUrl, stage.queuePrefix);
  const deadline = Date.now() + tidyWithinMs;
  try {
    for (;;) {
      const found = [
        ...(await findLeftovers(database, queues, blobDir)),
        ...(await findIdleTransactions(database, idleTransactionMs)),
        ...findStrayProcesses(folder, fleet.pids),
      ];
      if (found.length === 0 || Date.now() > deadline) {
        return found.map((each) => `Left over: ${each}`);
      }
      await sleep(lookAgainMs, undefined, { signal });
    }
  } finally {
    await close();
  }
}

/** Stops the processes. @returns those that did not exit with code 0, and what they left behind. */
async function stop({ fleet, database, folder }: Stage): Promise<string[]> {
  const endings = await fleet.stop();
  const deadline = Date.now() + goneWithinMs;
  for (;;) {
    const found = [...(await findConnections(database)), ...findStrayProcesses(folder, [])];
    if (found.length === 0 || Date.now() > deadline) {
      return [
        ...endings.filter((ending) => !ending.endsWith('code 0')).map((ending) => `Told to stop, ${ending}`),
        ...found.map((each) => `After the stop there is still ${each}`),
      ];
    }
    await sleep(lookAgainMs);
  }
}
