import type { Run } from '../ingestAll';
import type { BenchmarkResult } from '../report';
import { type PeerName, type PeerRun, type PeerRuns, peers } from './peers';

/** One pass, and the processor seconds of every process in it, by name. */
type Measured = Run & { processor: ReadonlyMap<string, number> };

interface Ours {
  cold: Measured;
  warm: Measured;
  /** By process name, in MiB. */
  peaks: ReadonlyMap<string, number>;
}

const pagesPerSecond = ({ pages, seconds }: PeerRun): number => pages / seconds;
const chunksPerSecond = ({ chunks, seconds }: PeerRun): number => chunks / seconds;
const sum = (seconds: ReadonlyMap<string, number>): number => [...seconds.values()].reduce((a, b) => a + b, 0);

export function describe(files: number, ours: Ours, others: ReadonlyMap<PeerName, PeerRuns>): BenchmarkResult {
  const { cold, warm, peaks } = ours;
  const both = (figure: (run: Measured) => string) => `${figure(cold)} cold, ${figure(warm)} warm`;
  const result: BenchmarkResult = {
    table: [
      ['documents, pages, chunks', `${files}, ${warm.pages}, ${warm.chunks}`],
      ['all uploads accepted after, s', both((run) => run.acceptedAfter.toFixed(2))],
      ['all documents searchable after, s', both((run) => run.seconds.toFixed(2))],
      ['pages a second', both((run) => pagesPerSecond(run).toFixed(0))],
      ['chunks a second', both((run) => chunksPerSecond(run).toFixed(0))],
      ['processor time, s', both(({ processor }) => sum(processor).toFixed(1))],
      ...[...warm.processor.keys()].map((name): [string, string] => [
        `processor time, ${name}, s`,
        both(({ processor }) => (processor.get(name) ?? 0).toFixed(2)),
      ]),
      ...[...peaks].map(([name, mib]): [string, string] => [`peak memory, ${name}`, `${mib} MiB`]),
    ],
    figures: {
      pages: warm.pages,
      chunks: warm.chunks,
      pages_per_second: pagesPerSecond(warm),
      chunks_per_second: chunksPerSecond(warm),
      cold_pages_per_second: pagesPerSecond(cold),
      cold_chunks_per_second: chunksPerSecond(cold),
      processor_seconds: sum(warm.processor),
      cold_processor_seconds: sum(cold.processor),
      ...Object.fromEntries([...peaks].map(([name, mib]) => [`peak_mib_${name.replace(' ', '_')}`, mib])),
    },
  };
  for (const [name, runs] of others) {
    const ratio = pagesPerSecond(warm) / pagesPerSecond(runs.warm);
    const coldRatio = pagesPerSecond(cold) / pagesPerSecond(runs.cold);
    result.table.push(
      [`${peers[name]}, chunks`, String(runs.warm.chunks)],
      [
        `${peers[name]}, pages a second`,
        `${pagesPerSecond(runs.cold).toFixed(0)} cold, ${pagesPerSecond(runs.warm).toFixed(0)} warm`,
      ],
      [`times ${peers[name]}`, `${coldRatio.toFixed(2)} cold, ${ratio.toFixed(2)} warm`],
    );
    result.figures[`ratio_to_${name}`] = ratio;
    result.figures[`cold_ratio_to_${name}`] = coldRatio;
  }
  return result;
}
