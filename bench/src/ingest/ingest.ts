import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Environment, root, withBenchStack } from '../benchStack';
import { ingestAll } from '../ingestAll';
import { MemoryWatch } from '../memory';
import { pdfsIn } from '../pdfsIn';
import { ProcessorWatch } from '../processorTime';
import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';
import { describe } from './describe';
import { installPeers, type PeerName, type PeerRuns, peers, runPeer } from './peers';

/**
 * Uploads every PDF of a folder at once and waits until all are searchable: pages and chunks a second from the first
 * byte sent to the last job's end, and the peak memory of every process. It does so twice on the same processes: cold,
 * straight after their start, when V8 has yet to optimize the PDF engine, and warm, as a service runs for all of its
 * life but the first seconds. In between everything is removed, so that nothing is found in the embedding cache.
 * Afterwards other projects do the same with the same files, provider and server, each twice in one process.
 */
export async function ingest(environment: Environment, folder: string, quick: boolean): Promise<BenchmarkResult> {
  const all = pdfsIn(resolve(root, folder));
  const files = quick ? smallest(all, 2) : all;
  await installPeers();
  const pollMs = quick ? 10 : undefined;
  const ours = await withBenchStack(environment, {}, async ({ stack, databaseUrl, redisUrl }) => {
    const memory = new MemoryWatch(stack.processes);
    const processor = await ProcessorWatch.start(stack.processes, { databaseUrl, redisUrl });
    const cold = { ...(await ingestAll(stack, files, { pollMs })), processor: await processor.lap() };
    await execute(databaseUrl, 'TRUNCATE documents CASCADE');
    await processor.lap();
    const warm = { ...(await ingestAll(stack, files, { pollMs })), processor: await processor.lap() };
    await processor.stop();
    return { cold, warm, peaks: memory.stop() };
  });
  const others = new Map<PeerName, PeerRuns>();
  for (const name of Object.keys(peers) as PeerName[]) {
    others.set(name, await runPeer(name, environment, files));
  }
  return describe(files.length, ours, others);
}

function smallest(files: readonly string[], count: number): string[] {
  return [...files].sort((a, b) => statSync(a).size - statSync(b).size).slice(0, count);
}
