import { withBenchStack } from '../benchStack';
import { execute } from '../databases';
import { ingestAll, type Run } from '../jobs';
import type { Options } from '../options';
import { inputPdfs } from '../pdfs';
import { ProcessWatch } from '../processes';
import type { BenchmarkResult, Figures } from '../report';
import { sum } from '../statistics';
import { installPeers, peers, runPeer } from './peers';

/**
 * Uploads every PDF of a folder at once and waits until all are searchable. It does so twice on the same processes: cold,
 * straight after their start, when V8 has yet to optimize the PDF engine, and warm. In between everything is removed, so that
 * nothing is found in the embedding cache. Then other projects do the same with the same files, provider and server, each
 * twice in one process.
 */
export async function ingest({ environment, files: folder, quick }: Options): Promise<BenchmarkResult> {
  const files = await inputPdfs(folder, quick ? 2 : undefined);
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
    ...describeRun('cold', ours.cold),
    ...describeRun('warm', ours.warm),
    ...Object.fromEntries([...ours.peaks].map(([name, mib]) => [`peak_mib_${name.replace(' ', '_')}`, mib])),
  };
  for (const [name, peer] of Object.entries(peers)) {
    const runs = await runPeer(peer, environment, files);
    figures[`${name}_chunks`] = runs.warm.chunks;
    for (const state of ['cold', 'warm'] as const) {
      const rate = runs[state].pages / runs[state].seconds;
      figures[`${name}_pages_per_second_${state}`] = rate;
      figures[`ratio_to_${name}_${state}`] = ours[state].pages / ours[state].seconds / rate;
    }
  }
  return { figures };
}

function describeRun(state: string, run: Run & { processor: ReadonlyMap<string, number> }): Figures {
  return {
    [`accepted_seconds_${state}`]: run.acceptedSeconds,
    [`seconds_${state}`]: run.seconds,
    [`pages_per_second_${state}`]: run.pages / run.seconds,
    [`chunks_per_second_${state}`]: run.chunks / run.seconds,
    [`processor_seconds_${state}`]: sum(run.processor.values()),
    ...Object.fromEntries(
      [...run.processor].map(([name, seconds]) => [`processor_seconds_${name.replace(' ', '_')}_${state}`, seconds]),
    ),
  };
}
