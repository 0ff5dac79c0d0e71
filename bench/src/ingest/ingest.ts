import { withBenchStack } from '../benchStack';
import { execute } from '../databases';
import { ingestAll, type Run } from '../jobs';
import type { Options } from '../options';
import { pdfsIn } from '../pdfs';
import { ProcessWatch } from '../processes';
import type { BenchmarkResult, Figures } from '../report';
import { sum } from '../statistics';
import { installPeers, peerNames, runPeer } from './peers';

/**
 * Uploads every PDF of a folder at once and waits until all are searchable. It does so twice on the same processes: cold,
 * straight after their start, when V8 has yet to optimize the PDF engine, and warm. In between everything is removed, so that
 * nothing is found in the embedding cache. Then other projects do the same with the same files, provider and server, each
 * twice in one process.
 */
export async function ingest({ environment, files: folder, quick }: Options): Promise<BenchmarkResult> {
  const files = pdfsIn(folder, quick ? 2 : undefined);
  await installPeers();
  const pollMs = quick ? 10 : undefined;
  const ours = await withBenchStack(environment, {}, async ({ stack, databaseUrl, redisUrl }) => {
    const watch = await ProcessWatch.start(stack.processes, { databaseUrl, redisUrl });
    const cold = { ...(await ingestAll(stack, files, pollMs)), processor: await watch.lap() };
    await execute(databaseUrl, 'TRUNCATE documents CASCADE');
    await watch.lap();
    const warm = { ...(await ingestAll(stack, files, pollMs)), processor: await watch.lap() };
    await watch.stop();
    return { cold, warm, peaks: watch.peaks };
  });
  const figures: Figures = {
    documents: files.length,
    pages: ours.warm.pages,
    chunks: ours.warm.chunks,
    ...describeRun('', ours.warm),
    ...describeRun('cold_', ours.cold),
    ...Object.fromEntries([...ours.peaks].map(([name, mib]) => [`peak_mib_${name.replace(' ', '_')}`, mib])),
  };
  for (const name of peerNames) {
    const peer = await runPeer(name, environment, files);
    figures[`${name}_chunks`] = peer.warm.chunks;
    for (const [prefix, run, ourRun] of [
      ['', peer.warm, ours.warm],
      ['cold_', peer.cold, ours.cold],
    ] as const) {
      const rate = run.pages / run.seconds;
      figures[`${prefix}${name}_pages_per_second`] = rate;
      figures[`${prefix}ratio_to_${name}`] = ourRun.pages / ourRun.seconds / rate;
    }
  }
  return { figures };
}

function describeRun(prefix: string, run: Run & { processor: ReadonlyMap<string, number> }): Figures {
  return {
    [`${prefix}accepted_seconds`]: run.acceptedSeconds,
    [`${prefix}seconds`]: run.seconds,
    [`${prefix}pages_per_second`]: run.pages / run.seconds,
    [`${prefix}chunks_per_second`]: run.chunks / run.seconds,
    [`${prefix}processor_seconds`]: sum(run.processor.values()),
    ...Object.fromEntries(
      [...run.processor].map(([name, seconds]) => [`${prefix}processor_seconds_${name.replace(' ', '_')}`, seconds]),
    ),
  };
}
